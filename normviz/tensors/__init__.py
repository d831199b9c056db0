"""Tensors from files, read without ever running code from them: begin in `files`.

`arrays` reads NumPy's own files, `weights` those of torch and safetensors, `text` tables of text,
`spreadsheet` a range of cells. Each says in one sentence what it cannot take, and none lets a file
of a stranger use more memory than `limits` allows.
"""

from normviz.tensors.files import Source, read_tensor

__all__ = ["Source", "read_tensor"]
