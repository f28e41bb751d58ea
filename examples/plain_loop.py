"""Track a plain PyTorch loop: run `python examples/plain_loop.py`, then `tensorboard --logdir runs`."""

import torch

from seo_engine import ExperimentTracker, TrackingConfig


def main() -> None:
    config = TrackingConfig(wandb_mode="offline")
    profiler = config.code_profiler
    torch.manual_seed(0)
    inputs, noise = torch.randn(512, 8), 0.1 * torch.randn(512, 1)
    targets = inputs @ torch.randn(8, 1) + noise
    model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)

    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"learning_rate": 1e-2, "batch_size": 64, "epochs": 5})
        tracker.log_model_architecture(model)
        for epoch in range(1, 6):
            for batch in profiler.profile_steps(torch.randperm(512).split(64)):
                with profiler.profile_operation("forward_pass"):
                    loss = torch.nn.functional.mse_loss(model(inputs[batch]), targets[batch])
                with profiler.profile_operation("backward_pass"):
                    optimizer.zero_grad()
                    loss.backward()
                with profiler.profile_operation("optimizer_step"):
                    optimizer.step()
                tracker.log_metrics({"loss": loss.detach()}, epoch=epoch)
    print(profiler.report())


if __name__ == "__main__":
    main()
