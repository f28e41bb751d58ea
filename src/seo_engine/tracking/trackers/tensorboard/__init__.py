"""Event files, as TensorBoard shows them."""
