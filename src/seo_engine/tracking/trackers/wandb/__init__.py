"""A run of Weights & Biases, online or offline."""
