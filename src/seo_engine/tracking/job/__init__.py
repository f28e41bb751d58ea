"""Which of how many processes of a training this one is, and which run they share."""
