"""A task is trained: one network, one task, many tasks, a cluster.

Begin in `test_one_network`. `test_many_tasks` kills and resumes; `test_dask_cluster` and
`test_torchrun` have several processes.
"""
