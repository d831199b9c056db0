"""``report.html``: a run folder as one page that needs nothing but a browser.

Everything is read from the folder, so the page can be made again at any time, also of a run that
is not finished: it then says what is missing and reports the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.data.datasets import DATASETS
from training.experiments.claims import MEASURES, TARGET
from training.experiments.trials import TRIALS, find_trial
from training.files import write_whole
from training.model.loss import accumulated_factors
from training.record.asked import not_begun
from training.record.task_folder import Result
from training.report import plots
from training.report.claims import draw_claims, judged, not_judged
from training.report.differences import draw_differences
from training.report.embedding import data_uri, pictures
from training.report.inside import draw_inside
from training.results.comparisons import EQUIVALENT, SEED_BY_SEED, TWO_MEANS, compare_all
from training.results.cost import (
    SEEDS,
    SERIAL_SECONDS,
    as_it_went,
    at_best_pace,
    cost,
    duration,
)
from training.results.intervals import CONFIDENCE
from training.results.l1_lesson import largest_that_learns, strengths
from training.results.over_seeds import (
    Overview,
    confusion,
    in_words,
    largest_differences,
    overviews,
)
from training.results.run_folder import Results, averaged, sets_not_begun
from training.results.verdicts import judge_all, p_words
from training.run.one_network import build_model

GALLERY_SHOWN = 24
ACCUMULATED = "bn-l1-accumulated"
WAYS = {
    SEED_BY_SEED: "Seed by seed: a seed draws the images of both trials.",
    TWO_MEANS: "Two means (Welch): a seed is no noise that the two trials share.",
}


def write_report(run: Results) -> None:
    """Write ``report.html`` into the run folder.

    Raises:
        TrainingError: when it cannot be written.
    """
    write_whole(run.folder / "report.html", render(run))


def render(run: Results) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("training.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": in_words, "time": duration, "differences": largest_differences}
    environment.filters |= {"most_confused": most_confused, "p": p_words}
    return environment.get_template("report.html.j2").render(context(run))


def context(run: Results) -> dict[str, Any]:
    """Return everything that the template shows."""
    trials = overviews(run)
    left_out = plots.outliers(plots.last_accuracies(run))
    comparison = plots.draw_comparison(run)
    counted = factors()
    judgments = judge_all(run)
    compared = draw_claims(judgments)
    differences = compare_all(run)
    l1_rows = strengths(run)
    return {
        "name": run.folder.name,
        "data_name": run.data_name,
        "is_sample": run.is_sample,
        "is_mnist": run.is_mnist,
        "trials": trials,
        "finished": [t for t in trials if t.finished],
        "by_name": {t.name: t for t in trials if t.last},
        "left_out": sorted(left_out),
        "far_below": sorted(plots.far_below(run)),
        "averaged": averaged(run),
        "missing": missing(run, trials),
        "seeds": sorted({r.seed for r in run.results}),
        "confidence": CONFIDENCE,
        "equivalent": EQUIVALENT,
        "target": TARGET,
        "figures": {m: _figure(plots.draw(run, m)) for m in plots.MEASURES},
        "comparison": _figure(comparison) if comparison else None,
        "galleries": {t.name: gallery(t) for t in trials},
        "confusions": {t.name: confusion(t.finished).tolist() for t in trials if t.finished},
        "factors": counted,
        "mean_factor": sum(f["factor"] * f["count"] for f in counted)
        / sum(f["count"] for f in counted),
        "published_trials": TRIALS,
        "has_published": any(t.config.published for t in trials),
        "has_l1": any(t.config.l1 for t in trials),
        "judgments": judged(judgments),
        "not_judged": not_judged(judgments),
        "differences": differences,
        "differences_figure": _figure(draw_differences(run, differences)) if differences else None,
        "ways": [words for w, words in WAYS.items() if w in {d.compared for d in differences}],
        "measures": MEASURES,
        "claims_figure": _figure(compared) if compared else None,
        "inside_figures": [_figure(figure) for figure in draw_inside(run)],
        "costs": [cost(trials, as_it_went), cost(trials, at_best_pace)],
        "cost_seeds": SEEDS,
        "serial_seconds": SERIAL_SECONDS,
        "l1_rows": l1_rows,
        "l1_largest": largest_that_learns(l1_rows),
        "conditions": conditions(run.results),
        "train_seconds": sum(e.train_seconds for r in run.results for e in r.record.epochs),
    }


def missing(run: Results, trials: list[Overview]) -> list[str]:
    """Return, in words, what was asked for and is not there, or not as it should be."""
    lines = [f"left out: {problem}" for problem in run.problems]
    lines += [f"{r.config.name}, seed {r.seed}: {r.status}" for r in run.results if not r.summary]
    lines += [f"{words}: not begun" for words in not_begun(run.folder)]
    folder = run.folder.resolve()
    if folder.name in DATASETS and any(r.details.get("study") for r in run.results):
        lines += [f"{name}: not begun" for name in sets_not_begun(folder.parent)]
    shortened = [t.name for t in trials if t.is_shortened]
    if shortened:
        lines.append(f"run for other than the epochs of their recipe: {', '.join(shortened)}")
    return lines


def gallery(trial: Overview) -> dict[str, Any] | None:
    """Return the mistakes of the trial's first finished seed, the most confident first."""
    for result in trial.finished:
        mistakes = result.mistakes()
        if mistakes is not None:
            shown = pictures(mistakes, GALLERY_SHOWN)
            return {"seed": result.seed, "total": len(mistakes["index"]), "pictures": shown}
    return None


def most_confused(counts: list[list[int]]) -> int:
    """Return the largest count off the diagonal, at least 1."""
    return max(
        [1] + [n for true, row in enumerate(counts) for said, n in enumerate(row) if true != said]
    )


def factors() -> list[dict[str, Any]]:
    """Return how often the accumulated L1 counts each parameter tensor of the network."""
    config = find_trial(ACCUMULATED)
    model = build_model(config, 0)
    sizes = {name: (list(p.shape), p.numel()) for name, p in model.named_parameters()}
    return [
        {
            "tensor": name,
            "shape": sizes[name][0],
            "count": sizes[name][1],
            "factor": factor,
            "strength": config.l1 * factor,
        }
        for name, factor in accumulated_factors(model).items()
    ]


def conditions(results: list[Result]) -> dict[str, list[str]]:
    """Return under what the numbers were made; more than one entry where tasks differ."""
    ways: dict[str, Callable[[dict[str, Any]], Any]] = {
        "command": lambda d: d["command"],
        "data": lambda d: d["data"]["description"],
        "SHA-256 of the data": lambda d: d["decisive"]["data"],
        "threads of each trial": lambda d: d["threads"],
        "precision": lambda d: d["precision"],
        "device": lambda d: d["device"],
        "backend of the normalization": lambda d: d["backend"],
        "processes of each trial": _processes,
        "parameters of the network": lambda d: f"{d['parameters']:,}",
    }
    found = {label: _distinct(way(r.details) for r in results) for label, way in ways.items()}
    if found["processes of each trial"] == ["1"]:
        del found["processes of each trial"]
    found["seeds"] = [", ".join(str(s) for s in sorted({r.seed for r in results}))]
    environments = [
        where["environment"] for r in results for where in (r.details, *r.details["resumed"])
    ]
    for key in environments[0]:
        values = _distinct(where.get(key) for where in environments)
        if values != ["null"]:
            found[key] = values
    return found


def _processes(details: dict[str, Any]) -> Any:
    """How many train it together, and what that makes of BatchNorm."""
    count = details.get("processes", 1)  # runs of an older version do not say
    if count == 1:
        return count
    shared = "shared" if details.get("synchronize") else "not shared"
    return f"{count} (torchrun), statistics of BatchNorm {shared}"


def _distinct(values: Iterable[Any]) -> list[str]:
    return [v if isinstance(v, str) else json.dumps(v) for v in dict.fromkeys(values)]


def _figure(figure: Any) -> str:
    return data_uri(plots.svg(figure), "image/svg+xml")
