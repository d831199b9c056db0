"""Small random models of torchvision, timm and transformers, as their own factories make them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "vocab_size": 64,
    "max_position_embeddings": 64,
}
FEW_HEADS = {**SMALL, "num_key_value_heads": 2}


@dataclass(frozen=True)
class Family:
    """One architecture: its library, and how to make a small one with something to run it on."""

    library: str
    name: str
    make: Callable[[], Any]
    args: Callable[[], Any]

    def model(self) -> Any:
        """A model with random weights, the same each time."""
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.make()


def tokens() -> Any:
    """Two short texts."""
    return {"input_ids": torch.randint(0, 64, (2, 6), generator=torch.manual_seed(1))}


def images(size: int) -> Callable[[], Any]:
    """Two images."""
    return lambda: torch.randn(2, 3, size, size, generator=torch.manual_seed(1))


def language(name: str, config: dict[str, Any], model: str = "Model") -> Family:
    """A transformers model by the prefix of its classes."""

    def make() -> Any:
        import transformers

        settings = getattr(transformers, f"{name.removesuffix('Text')}Config", None)
        settings = getattr(transformers, f"{name}Config", settings)
        return getattr(transformers, f"{name}{model}")(settings(**config))

    return Family("transformers", name, make, tokens)


def timm(name: str, size: int = 64, **settings: Any) -> Family:
    """A timm model by its name."""

    def make() -> Any:
        import timm as library

        return library.create_model(name, num_classes=3, **settings)

    return Family("timm", name, make, images(size))


def torchvision(name: str, size: int = 64, **settings: Any) -> Family:
    """A torchvision model by its name."""

    def make() -> Any:
        from torchvision import models

        return getattr(models, name)(num_classes=3, **settings)

    return Family("torchvision", name, make, images(size))


def small_swin() -> Any:
    """torchvision's Swin Transformer, two blocks."""
    from torchvision.models.swin_transformer import SwinTransformer

    return SwinTransformer([4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=3)


def small_convnext() -> Any:
    """torchvision's ConvNeXt, two blocks."""
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=3)


FAMILIES = (
    torchvision("resnet18"),
    Family("torchvision", "convnext", small_convnext, images(32)),
    Family("torchvision", "swin", small_swin, images(32)),
    timm("resnet10t", 32),
    timm("convnext_atto", depths=(1, 1, 1, 1), dims=(8, 16, 24, 32)),
    timm("vit_tiny_patch16_224", img_size=64, depth=1, embed_dim=32, num_heads=4),
    timm("davit_tiny", depths=(1, 1, 1, 1), embed_dims=(8, 16, 24, 32), num_heads=(2, 2, 2, 2)),
    language("Llama", FEW_HEADS),
    language("Mistral", {**FEW_HEADS, "head_dim": 8}),
    language("Qwen2", FEW_HEADS),
    language("Qwen3", {**FEW_HEADS, "head_dim": 8}),
    language("Gemma", {**FEW_HEADS, "head_dim": 8}),
    language("Gemma2", {**FEW_HEADS, "head_dim": 8}),
    language("Gemma3Text", {**FEW_HEADS, "head_dim": 8}),
    language("Phi3", {**FEW_HEADS, "pad_token_id": 0}),
    language("Olmo2", FEW_HEADS),
    language("Cohere", FEW_HEADS),
    language("Nemotron", FEW_HEADS),
    language("GPTNeoX", SMALL),
    language("Bert", SMALL),
    language(
        "DistilBert", {"dim": 32, "hidden_dim": 48, "n_layers": 1, "n_heads": 4, "vocab_size": 64}
    ),
    language(
        "GPT2", {"n_embd": 32, "n_layer": 1, "n_head": 4, "vocab_size": 64, "n_positions": 64}
    ),
    language("Bloom", {"hidden_size": 32, "n_layer": 1, "n_head": 4, "vocab_size": 64}),
    language(
        "T5",
        {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 4, "vocab_size": 64},
        "EncoderModel",
    ),
    language(
        "Mamba", {"hidden_size": 32, "num_hidden_layers": 1, "vocab_size": 64, "state_size": 4}
    ),
)
