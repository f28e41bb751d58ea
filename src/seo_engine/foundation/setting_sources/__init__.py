"""Where settings come from: a file, the environment, and whoever makes a configuration."""
