"""What a task leaves in its folder, and how it is read back: begin in ``task_folder``.

``history`` is the metrics by epoch, ``inside`` those of each layer, ``checkpoint`` the state to go
on from (with the words on a damaged one), ``gallery`` a picture of the mistakes, ``tensorboard``
the same numbers for that tool.
"""
