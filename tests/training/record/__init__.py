"""What a task leaves in its folder, and how it is read back.

Begin in `test_checkpoint`: whole or not at all, never code. `test_damaged_run` has the
sentences on what is damaged, `test_tensorboard` what is kept for it.
"""
