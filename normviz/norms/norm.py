"""The declaration of a normalization: its statistics sets as a pattern, its arguments, its words.

Everything that knows a norm reads it from here: the arithmetic, traces, layers, sheets, commands
and tests. :mod:`normviz.norms.declared` has those that normviz comes with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from inspect import Parameter, Signature
from typing import Any

from normviz.norms.notation import REST, Pattern, Shape, Size, parameter_axes, parse
from normviz.norms.partition import StatisticsSets
from normviz.norms.refusals import Refusal, one_value
from normviz.norms.sizes import (
    SizeArgument,
    checked_shape,
    divisor,
    place_of,
    smallest_factor,
    trailing,
)
from normviz.norms.words import Word, axis_words, sets_in_words


class _UsualEps(float):
    """A default that is told apart from the same number given: a declared eps goes before it."""


USUAL_EPS = _UsualEps(1e-5)
_ONE_VALUE = one_value("more samples or pixels, or drop_last")


@dataclass(frozen=True)
class When:
    """When to use a norm, in a few words each: where it is used, what it needs and fails with.

    `alone` is about a batch of one, `evaluating` about evaluation.
    """

    used: str = ""
    needs: str = ""
    fails: str = ""
    alone: str = "the same as in any batch"
    evaluating: str = "as in training"


@dataclass(frozen=True, eq=False)
class Norm:
    """One normalization.

    - ``sets``: its statistics sets, a pattern of :mod:`normviz.norms.notation`; ``affine``: the
      axes that weight and bias have. ``sizes``: the arguments that size axes; ``fixed``: axes
      whose size is part of the declaration.
    - ``centered``: whether the mean is taken away; ``bias``: whether there is one at all.
    - ``buffers``: whether running statistics, shaped as the weight, normalize in evaluation;
      ``flag``: the argument that says so, its default being ``flag_default``; ``evaluation``: the
      norm that it is in evaluation, where it has other sets there.
    - ``eps``: the default, None being the machine epsilon of x's dtype; ``zero_eps``: whether
      torch takes eps = 0. ``refuses``: what else torch refuses, each a function from the sets in
      training to a sentence or None; with ``buffers`` that is one value per set, too.
    - ``title``, ``sentence`` (on the sets), ``use``, ``when``, ``paper``, ``torch_layer`` (as one
      writes it), ``layout`` (of x, in an error): the words. ``shows`` and ``tries``: what is to be
      seen on its sheet of the workbook, and what to try there, where that is not as on every other.
    - ``layers``: the classes of torch that do it, and normviz's own: ``normviz verify`` runs them.
    - ``basic``: whether it is one of those to learn first, which an exercise asks by itself.
    - ``torch``: the same by torch's own functions, ``torch(torch_module, x, **arguments)``.
    - ``per_channel``: whether weight and bias are one per index of x's dimension 1, whatever
      ``affine`` says, as in a convolutional network, where the size of an image varies.

    Raises:
        ValueError: for a pattern or affine axes that cannot be read, or running statistics of an
            axis that is shared or of a norm that takes no mean.

    >>> Norm("per_head", "n t (h [d])", affine="d", fixed={"h": 2}).on((5, 3, 8)).statistic_shape
    (5, 3, 2)
    """

    name: str
    sets: str
    affine: str = ""
    sizes: tuple[SizeArgument, ...] = ()
    fixed: Mapping[str, Size] | None = None
    centered: bool = True
    bias: bool = True
    buffers: bool = False
    flag: str = ""
    flag_default: bool = False
    evaluation: "Norm | None" = None
    eps: float | None = float(USUAL_EPS)
    zero_eps: bool = True
    refuses: tuple[Refusal, ...] = ()
    title: str = ""
    sentence: str = ""
    use: str = ""
    when: When = When()
    shows: str = ""
    tries: str = ""
    paper: str = ""
    torch_layer: str = ""
    layers: tuple[str, ...] = ()
    layout: str = ""
    basic: bool = False
    torch: Callable[..., Any] | None = None
    per_channel: bool = False

    def __post_init__(self) -> None:
        pattern = parse(self.sets)
        affine = {name for names in parameter_axes(pattern, self.affine) for name in names}
        shared = [axis.name for axis in pattern.axes if axis.shared and axis.name in affine]
        if self.buffers and not self.centered:
            raise ValueError(
                f"centered must be True with buffers=True, got False for {self.name}: evaluation "
                "takes running_mean away"
            )
        if self.buffers and shared:
            raise ValueError(
                f"running statistics must be of axes without brackets, got {shared[0]!r} of "
                f"the pattern {self.sets!r} for {self.name}"
            )
        sentence = self.sentence or sets_in_words(pattern, self.centered)
        object.__setattr__(self, "title", self.title or _title(self.name))
        object.__setattr__(self, "sentence", sentence)

    @cached_property
    def words(self) -> dict[str, Word]:
        """What its axes are called in a sentence."""
        return axis_words(self.pattern)

    @cached_property
    def pattern(self) -> Pattern:
        """The sets as they were parsed."""
        return parse(self.sets)

    @cached_property
    def size_arguments(self) -> tuple[str, ...]:
        """The names of the arguments that shape the sets."""
        return tuple(size.argument for size in self.sizes)

    @cached_property
    def signature(self) -> Signature:
        """The signature of its function, from x on."""
        defaults: dict[str, Any] = dict.fromkeys(self.size_arguments, Parameter.empty)
        if self.buffers:
            defaults |= {"running_mean": None, "running_var": None}
        defaults["weight"] = None
        if self.bias:
            defaults["bias"] = None
        if self.flag:
            defaults[self.flag] = self.flag_default
        if self.buffers:
            defaults["momentum"] = 0.1
        defaults["eps"] = self.eps
        kind = Parameter.POSITIONAL_OR_KEYWORD
        names = [Parameter("x", kind)]
        return Signature(names + [Parameter(n, kind, default=d) for n, d in defaults.items()])

    @cached_property
    def with_parameters_per_channel(self) -> "Norm":
        """The same norm with a weight and a bias for each channel.

        >>> Norm("rows", "n [c h]", "c h").with_parameters_per_channel.on((2, 3, 5)).parameter_shape
        (3,)
        """
        evaluation = self.evaluation and self.evaluation.with_parameters_per_channel
        return self if self.per_channel else replace(self, per_channel=True, evaluation=evaluation)

    def sizes_for(self, shape: Shape, known: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that shape the sets, of those known.

        What is not known is chosen: trailing dimensions are all of x but N, and a factor is the
        smallest that cuts its axis at all.

        >>> Norm("last", "... [d]", sizes=(SizeArgument("d", "last"),)).sizes_for((5, 3, 2), {})
        {'last': (3, 2)}
        """
        found = {}
        for size in self.sizes:
            if size.argument in known:
                found[size.argument] = known[size.argument]
            elif size.divides:
                found[size.argument] = smallest_factor(shape[place_of(self.pattern, size)])
            else:
                found[size.argument] = shape[1:]
        return found

    def sizes_of_parts(self, shape: Shape, groups: int = 1, splits: int = 1) -> dict[str, Any]:
        """As :meth:`sizes_for`, known as the numbers of groups of channels and splits of samples.

        >>> Norm("last", "... [d]", sizes=(SizeArgument("d", "last"),)).sizes_of_parts((5, 3), 2)
        {'last': (3,)}
        """
        parts = {"groups": groups, "splits": splits}
        known = {s.argument: parts[s.parts] for s in self.sizes if s.parts}
        return self.sizes_for(shape, known)

    def fits(self, shape: Shape) -> bool:
        """Whether x of this shape has the dimensions that the pattern names.

        >>> Norm("rows", "n c h [w]").fits((2, 3)), Norm("pixels", "n [c] ...").fits((2, 3))
        (False, True)
        """
        try:
            self.on(shape, self.sizes_for(shape, {}))
        except (ValueError, IndexError):
            return False
        return True

    def check_sizes(self, known: Mapping[str, Any]) -> None:
        """Refuse sizes that the norm does not take, and missing ones.

        Raises:
            ValueError: naming the argument.
        """
        factors = [size.argument for size in self.sizes if size.divides]
        for name in (*known, *factors):
            value = known.get(name)
            if (name in factors) != (value is not None):
                wanted = "be given" if value is None else "be None"
                raise ValueError(f"{name} must {wanted} for {self.name}, got {value}")

    @cached_property
    def argument_names(self) -> tuple[str, ...]:
        """The names of the arguments after x, in the order of the signature."""
        return tuple(self.signature.parameters)[1:]

    @property
    def tracks(self) -> bool:
        """Whether a layer of it keeps running statistics by default, as torch's InstanceNorm does
        not.
        """
        return self.buffers and not self.flag_default

    def has(self, parameter: str) -> bool:
        """Whether it can have this parameter or buffer: weight and bias need affine axes."""
        shaped = bool(self.affine) or self.per_channel
        return self.takes(parameter) and (shaped or parameter not in ("weight", "bias"))

    def takes(self, argument: str) -> bool:
        """Whether its function has an argument of this name."""
        return argument in self.argument_names

    def uses_own_statistics(self, arguments: Mapping[str, Any]) -> bool:
        """Whether x's own statistics normalize: always, but for stored ones in evaluation."""
        return bool(arguments.get(self.flag, self.flag_default)) if self.flag else True

    def on(self, shape: Shape, arguments: Mapping[str, Any] | None = None) -> StatisticsSets:
        """The statistics sets on x of ``shape``; of the arguments only those that shape them count.

        Raises:
            ValueError: a shape that the norm does not divide.
            TypeError: a missing argument, or one of the wrong type.
        """
        values = self._sizes_among(arguments or {})
        return self._on(checked_shape(shape), values)

    def on_call(self, shape: Shape, arguments: Mapping[str, Any]) -> StatisticsSets:
        """As :meth:`on` for the shape of an x, in evaluation by the norm ``evaluation``."""
        evaluation = None if self.uses_own_statistics(arguments) else self.evaluation
        norm = evaluation or self
        return norm._on(shape, norm._sizes_among(arguments))

    def _sizes_among(self, arguments: Mapping[str, Any]) -> list[Any]:
        """The values of the arguments that size the sets."""
        for size in self.sizes:
            if size.argument not in arguments:
                raise TypeError(
                    f"{self.name} needs the argument {size.argument}: for example "
                    f"{size.argument}={size.example}"
                )
        return [arguments[name] for name in self.size_arguments]

    def _on(self, shape: Shape, values: list[Any]) -> StatisticsSets:
        build = _once if all(map(_is_plain, values)) else _sets
        return build(self, shape, *values)

    def refusal(self, sets: StatisticsSets) -> str | None:
        """The sentence with which torch's refusal of these sets in training is said, if any."""
        rules = (*self.refuses, _ONE_VALUE) if self.buffers else self.refuses
        return next((said for refuse in rules if (said := refuse(sets))), None)

    def __str__(self) -> str:
        sizes = ", ".join(f"{axis} = {size}" for axis, size in (self.fixed or {}).items())
        return f"{self.name}, {sizes}" if sizes else self.name

    def __repr__(self) -> str:
        return f"Norm({self.name!r}, {self.sets!r})"


def _sets(norm: Norm, shape: Shape, *values: Any) -> StatisticsSets:
    known: dict[str, Size] = dict(norm.fixed or {})
    for size, value in zip(norm.sizes, values, strict=True):
        if not size.divides:
            known[size.axis] = trailing(size.argument, value, shape)
    minimum = sum(dimension[0].name != REST for dimension in norm.pattern.dimensions)
    if norm.layout and len(shape) < minimum:
        raise ValueError(
            f"x must have at least {minimum} dimensions {norm.layout} for {norm.name}, "
            f"got shape {shape}"
        )
    for size, value in zip(norm.sizes, values, strict=True):
        if size.divides:
            known[size.axis] = divisor(norm.pattern, size, value, shape)
    factors = norm.pattern.fit(shape, known)
    affine = parameter_axes(norm.pattern, norm.affine)
    sets = StatisticsSets(norm.name, shape, factors, affine, norm.centered)
    return sets.per_channel if norm.per_channel else sets


_once = lru_cache(maxsize=4096)(_sets)
"""A layer asks for the same sets at every step of a training, so they are remembered."""


def _is_plain(value: Any) -> bool:
    """Whether ``value`` equals nothing of another type that would be refused (2 == 2.0 == ...)."""
    return type(value) is int or (type(value) is tuple and all(type(n) is int for n in value))


def _title(name: str) -> str:
    """A title of a sheet for a name or a pattern, where brackets are not allowed, nor braces in the
    formulas that name it.

    >>> _title("position_norm"), _title("n [c] h w")
    ('PositionNorm', 'n ‹c› h w')
    """
    if name.isidentifier():
        return "".join(word.capitalize() for word in name.split("_"))
    title = name.replace("[", "‹").replace("]", "›")
    return title if len(title) <= 31 else f"{title[:30]}…"
