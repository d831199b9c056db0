"""The lesson Which LayerNorm: three layers go by that name.

The same x through LayerNorm over (C, H, W), GroupNorm with one group and LayerNorm over the
channels of each pixel. Begin in `sheet`, which draws it; `case` has the numbers.
"""
