"""Files of weights: .safetensors, and torch's .pt and .pth without running what is in them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import needs_torch
from normviz.tensors.choice import chosen
from normviz.tensors.limits import UnreadableError, check_size, open_zip

Array = npt.NDArray[Any]

MOST_LEVELS = 20
"""Dictionaries within each other in a .pt file."""


def read_safetensors(file: Path, inside: str) -> Array:
    """One tensor of a .safetensors file; bfloat16 becomes float32.

    Raises:
        ModuleNotFoundError: without the library; for bfloat16 and its like without torch.
        UnreadableError: for a file that is none. ValueError: for a name that is not there.
    """
    try:
        import safetensors
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            ".safetensors files need the library: pip install safetensors"
        ) from None
    try:
        with safetensors.safe_open(file, framework="numpy") as tensors:
            name = chosen(file, inside, list(tensors.keys()), "tensors")
            part = tensors.get_slice(name)
            check_size(tuple(part.get_shape()), f"{file.name}:{name}")
            if part.get_dtype() in ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"):
                return np.array(tensors.get_tensor(name))
        needs_torch(f"{part.get_dtype()} in a .safetensors file")
        with safetensors.safe_open(file, framework="pt") as tensors:
            return _numpy(tensors.get_tensor(name))
    except (safetensors.SafetensorError, OverflowError) as error:
        raise UnreadableError(str(error)) from None


def read_torch(file: Path, inside: str) -> Array:
    """One tensor of a file of ``torch.save``: the only one, or one named by its path of keys.

    Raises:
        ModuleNotFoundError: without torch.
        TypeError: where it holds more than tensors and plain values (such as a whole module).
        UnreadableError: for a file that is none. ValueError: for a name that is not there.
    """
    torch = needs_torch("a .pt or .pth file")
    with open_zip_of_torch(file) as archive:
        packed = [entry.filename for entry in archive.infolist() if entry.compress_type]
    if packed:
        raise UnreadableError(f"torch packs nothing, and its entry {packed[0][:60]!r} is packed")
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error) or "class" in str(error):
            raise TypeError(
                f"{file} holds more than tensors and plain values, which is refused since reading "
                "it runs code: save a state_dict or one tensor"
            ) from None
        raise UnreadableError("its pickle is damaged") from None
    except MemoryError:
        raise UnreadableError("it asks for more memory than there is") from None
    except Exception as error:  # noqa: BLE001 - whatever torch's reader meets in a damaged file
        raise UnreadableError(str(error) or "it is damaged") from None
    tensors = dict(_tensors(found, "", torch.Tensor, MOST_LEVELS))
    name = chosen(file, inside, list(tensors), "tensors")
    check_size(tuple(tensors[name].shape), f"{file.name}:{name}" if name else file.name)
    return _numpy(tensors[name])


def open_zip_of_torch(file: Path) -> Any:
    """The archive that ``torch.save`` writes since version 1.6."""
    try:
        return open_zip(file)
    except UnreadableError:
        raise UnreadableError(
            "it is no zip archive, as torch.save has written since version 1.6: load it with the "
            "program that made it and save it again"
        ) from None


def _tensors(found: Any, place: str, kind: type, levels: int) -> Any:
    """Every tensor in dictionaries and lists, with its path of keys."""
    if isinstance(found, kind):
        yield place, found
        return
    parts: Any = found.items() if isinstance(found, dict) else ()
    if isinstance(found, list | tuple):
        parts = enumerate(found)
    for key, value in parts if levels else ():
        yield from _tensors(value, f"{place}.{key}" if place else str(key), kind, levels - 1)


def _numpy(tensor: Any) -> Array:
    """A torch tensor as an array; what NumPy has no type for becomes float32."""
    tensor = tensor.detach()
    if tensor.is_sparse or tensor.is_quantized:
        tensor = tensor.to_dense() if tensor.is_sparse else tensor.dequantize()
    if (
        tensor.is_floating_point()
        and tensor.element_size() < 4
        and str(tensor.dtype) != "torch.float16"
    ):
        tensor = tensor.float()
    return np.array(tensor.resolve_conj().resolve_neg().numpy())
