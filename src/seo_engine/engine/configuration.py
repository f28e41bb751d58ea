"""TrainingConfig: every setting of the fine-tuning."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seo_engine.foundation.settings import Configuration, setting

BY_PAGE, BY_FOLDER = SPLITS = ("page", "folder")


@dataclass
class TrainingConfig(Configuration):
    """Settings of the fine-tuning; the defaults suit a small site on two processor cores.

    Raises:
        ValueError: If a value is not allowed; the message names the field, the value and what is allowed.

    Example:
        >>> TrainingConfig(learning_rate=-1)
        Traceback (most recent call last):
            ...
        ValueError: learning_rate must be positive, got -1
    """

    model_name: str = setting(
        "smollm2-135m-instruct",
        "The packaged model, a local folder, or the name of a model on the Hugging Face hub.",
        required=True,
        flag="--model",
    )
    number_of_epochs: int = setting(2, "How many times the model trains on each page.", above=0, flag="--epochs")
    learning_rate: float = setting(
        1e-3, "Peak learning rate, reached after the warm-up; it then decays to zero.", above=0, flag="--learning-rate"
    )
    warmup_share: float = setting(
        0.1, "Fraction of the steps during which the learning rate rises.", at_least=0, at_most=1
    )
    train_batch_size: int = setting(4, "Pages per forward pass, of all processes together.", above=0)
    gradient_accumulation_steps: int = setting(1, "Forward passes per step.", above=0)
    lora_rank: int = setting(8, "Rank of the LoRA adapter, which sets its capacity and its size.", above=0)
    maximum_example_tokens: int = setting(
        240, "Longest training example, in tokens. The page is cut to fit, the answer never is.", at_least=128
    )
    maximum_new_tokens: int = setting(72, "Longest answer to generate, in tokens.", at_least=16)
    generation_batch_size: int = setting(16, "Answers generated at the same time.", above=0)
    validation_share: float = setting(0.15, "Fraction of the pages held out for evaluation.", above=0, at_most=0.5)
    split_by: str = setting(
        "page",
        "What is never on both sides of the split: a page with its near duplicates, or a whole folder of pages, which "
        "are often written from one template.",
        allowed=SPLITS,
        flag="--split-by",
    )
    early_stopping_patience: int = setting(2, "Stop after this many epochs without a lower validation loss.", above=0)
    logging_steps: int = setting(1, "Interval, in steps, at which training metrics are logged.", above=0)
    seed: int = setting(
        0, "Seed of the split, the adapter's initial weights and the order of the pages.", at_least=0, flag="--seed"
    )

    def pages_of_each(self, processes: int) -> int:
        """Return how many pages each of several processes takes at a time; together, perhaps a few more.

        Args:
            processes (int): How many there are.

        Example:
            >>> TrainingConfig().pages_of_each(2), TrainingConfig().pages_of_each(3)
            (2, 2)
        """
        return math.ceil(self.train_batch_size / processes)
