"""An audit for people and for machines: each form is a module with one function."""
