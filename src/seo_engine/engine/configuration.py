"""TrainingConfig: every setting of the fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.foundation.settings import Configuration, setting


@dataclass
class TrainingConfig(Configuration):
    """Settings of the fine-tuning; the defaults suit a small site on two processor cores.

    Raises:
        ValueError: At construction, naming the field, its value and what is allowed.

    Example:
        >>> TrainingConfig(learning_rate=-1)
        Traceback (most recent call last):
            ...
        ValueError: learning_rate must be positive, got -1
    """

    model_name: str = setting(
        "smollm2-135m-instruct",
        "The packaged model, a local folder, or the name of a model on the hub.",
        required=True,
        flag="--model",
    )
    number_of_epochs: int = setting(2, "How often each page is learnt from.", above=0, flag="--epochs")
    learning_rate: float = setting(
        1e-3, "Highest learning rate; it warms up to it and falls to zero.", above=0, flag="--learning-rate"
    )
    warmup_share: float = setting(0.1, "Share of the steps in which the learning rate rises.", at_least=0, at_most=1)
    train_batch_size: int = setting(4, "Pages in one forward pass.", above=0)
    gradient_accumulation_steps: int = setting(1, "Forward passes that make one step.", above=0)
    lora_rank: int = setting(8, "Rank of the adapter's matrices: its capacity and its size.", above=0)
    maximum_example_tokens: int = setting(
        240, "Longest example in tokens; the page is cut to fit, the answer never.", at_least=128
    )
    maximum_new_tokens: int = setting(72, "Longest answer that is generated, in tokens.", at_least=16)
    generation_batch_size: int = setting(16, "Answers generated at the same time.", above=0)
    validation_share: float = setting(0.15, "Share of the pages held out to measure on.", above=0, at_most=0.5)
    early_stopping_patience: int = setting(
        2, "Epochs without a lower validation loss after which the training ends.", above=0
    )
    logging_steps: int = setting(1, "Steps between two logged values.", above=0)
    seed: int = setting(
        0, "Of the split, the adapter's first weights and the order of pages.", at_least=0, flag="--seed"
    )
