"""The console of a training: what it prints, recorded while it is shown as before."""
