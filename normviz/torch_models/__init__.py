"""What meets the user's torch code: a layer or a model as it is, and what to make of it.

Begin with :mod:`.identify`, which tells what a layer is by asking it. :mod:`.verify` holds a layer
to the reference, :mod:`.capture` runs a model once and keeps what one of its layers saw,
:mod:`.layers_of` lists all of them, :mod:`.from_torch` makes NumPy twins of torch's own layers,
and :mod:`.torch_steps` has torch's value for every step of a trace.
"""
