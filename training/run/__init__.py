"""Training: a task is one trial with one seed, in a folder of its own.

In their order: ``task`` says what is to be done, ``one_network`` trains a network epoch by epoch,
``inside`` looks into it, ``one_task`` does a task from verification to summary, ``many_tasks`` (or
``dask_cluster``) does all of them, ``torchrun`` one by several processes.
"""
