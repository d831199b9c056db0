"""How this process computes: with how many threads, and without denormal numbers."""

import torch


def set_threads(threads: int) -> None:
    """Use ``threads`` threads, and flush denormal numbers (slow, and of no use here) to zero."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
