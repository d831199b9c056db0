"""The network and its layers: shapes, norms, loss, and what they compute.

Begin in `test_model`. `test_verification` holds each norm to the reference before it trains,
`test_fast_norms` the fast kernels to torch.
"""
