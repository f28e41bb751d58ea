"""Pages -> examples -> a fine-tuned adapter."""
