"""The SEO engine: pages in, a fine-tuned model and better snippets out."""
