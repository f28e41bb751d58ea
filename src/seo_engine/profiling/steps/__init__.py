"""Steps of a training, and what comes between them: when each begins and ends."""
