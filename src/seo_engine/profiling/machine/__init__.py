"""Metrics of the machine: CPU, memory, disks, network, GPUs."""
