"""The language model that comes as a package."""

from __future__ import annotations

import torch

from seo_engine.engine.language_model import PACKAGED_MODEL, generate_answers, load_language_model
from tests.engine.test_language_model import logits


def test_the_packaged_model_answers_and_loads_from_the_cache_the_second_time() -> None:
    language_model = load_language_model(PACKAGED_MODEL)
    prompt = language_model.tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert "Paris" in generate_answers(language_model, [prompt], maximum_new_tokens=12, batch_size=1)[0]
    again = load_language_model(PACKAGED_MODEL)
    torch.testing.assert_close(logits(again), logits(language_model))
    assert getattr(again.model, "hf_quantizer", None) is None
