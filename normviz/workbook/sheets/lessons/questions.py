"""The questions people ask about normalization layers, and where each is answered.

The sheet Questions, the README's list and a test are made of this table, so none can go stale: a
sheet that is named here is in the workbook, and a call that is refused says what is written here.
"""

from __future__ import annotations

from dataclasses import dataclass

from normviz.norms.declared import NORMS
from normviz.workbook.book.cells import Book, Link
from normviz.workbook.book.changes import CHANGES, MARKED
from normviz.workbook.book.styles import BODY, BODY_CENTER, INPUT_WORD, LINE, LINK
from normviz.workbook.draw.columns import texts
from normviz.workbook.draw.content import Entry, Listing
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.sheets.lessons.four_numbers.proofs import DX_SUM

TITLE = "Questions"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its answer in a sentence or two, and the sheet that shows it live.

    `lands` is what stands on the row that answers. Where the answer is (also) a refusal, `call` is
    the call and `says` a part of its sentence.
    """

    question: str
    answer: str
    sheet: str
    lands: str
    call: str = ""
    says: str = ""


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Why normalize at all?",
        "Layer upon layer the numbers shrink or grow, and their gradients with them; a norm sets "
        "them back to about 1 after each layer, and keeps the gradients from running away.",
        "Why",
        "what you see",
    ),
    Question(
        "Which norm when?",
        "BatchNorm for images in batches of 16 or more (Wu & He, 2018), GroupNorm in smaller ones, "
        "LayerNorm or RMSNorm for tokens; the table says what each needs, and when it fails.",
        "Why",
        "Which norm, when?",
    ),
    Question(
        "Which norm is for batches of one or two?",
        "One that stays within the sample: GroupNorm for images, LayerNorm or RMSNorm for tokens. "
        "BatchNorm's statistics are poor there, and with one value refused.",
        "Why",
        "Which norm, when?",
    ),
    Question(
        "What does RMSNorm leave out?",
        "The mean and β: it only divides, by the root mean square. What is added to all x is not "
        "taken away; it makes the root large, and the differences small.",
        "RMSNorm",
        NORMS["rms_norm"].sentence,
    ),
    Question(
        "What did my change change?",
        f"What is {MARKED}; the column {CHANGES} of Contents says on which sheets.",
        "Contents",
        CHANGES,
    ),
    Question(
        "How do I get this for my own layer?",
        "By one command, or three lines of Python.",
        "Contents",
        "How do I get this",
    ),
    Question(
        "Which variance goes into running_var?",
        "The unbiased one (m − 1); the biased one (m) normalizes the batch. Keras and flax store "
        "the biased one.",
        "Conventions",
        "unbiased s²",
    ),
    Question(
        "What does momentum mean?",
        "In torch the weight of the new value (0.1), in Keras and flax that of the old one (0.99).",
        "Evaluation",
        "momentum",
    ),
    Question(
        "Is LayerNorm the same as GroupNorm with one group?",
        "Their statistics are; LayerNorm has one γ and β for each element, GroupNorm one for each "
        "channel.",
        "Which LayerNorm",
        "How far they are",
    ),
    Question(
        "How is LayerNorm applied to the channels of an image?",
        "Move the channels last; each pixel is then a set of its own.",
        "Which LayerNorm",
        "LayerNorm over C, at each pixel",
        "normviz.layer_norm(np.ones((2, 4, 3, 3)), (4,))",
        "normalized_shape must be the last dimensions of x",
    ),
    Question(
        "Why is one value per channel refused, as in a batch of one row?",
        "One value is its own mean and its variance is 0: the output would be β whatever x is. Use "
        "drop_last, or a norm within the sample.",
        "Numerics",
        "One value per channel",
        "normviz.batch_norm(np.ones((1, 3)), training=True)",
        "more than 1 value per statistics set",
    ),
    Question(
        "Why does model.eval() give another output?",
        "Training uses the statistics of the batch, evaluation the running ones, which follow "
        "slowly and start at 0 and 1.",
        "Evaluation",
        "The same input, in training",
    ),
    Question(
        "Does Ghost BatchNorm split the batch in evaluation?",
        "No: the splits vanish, and N need not be divisible.",
        "Evaluation",
        "Ghost BN on the same batches",
    ),
    Question(
        "What does Ghost BatchNorm do with a remainder?",
        "It refuses: num_splits must divide N. A split of one value per channel is refused too.",
        "GhostBatchNorm",
        "num_splits",
        "normviz.ghost_batch_norm(np.ones((6, 3, 2)), 4, training=True)",
        "num_splits must divide the 6 samples of x",
    ),
    Question(
        "Why do several devices give another result than one?",
        "Without SyncBatchNorm each normalizes its own part, as Ghost BatchNorm does with its "
        "splits; means and variances can be merged exactly, but not by averaging the variances.",
        "Batches",
        "Two devices",
    ),
    Question(
        "Is gradient accumulation the same as a big batch?",
        "Not with BatchNorm, whose statistics come from the small batch; exactly so with "
        "GroupNorm, LayerNorm and RMSNorm, where the loss is a sum over the samples (that of a "
        "mean is divided by the number of parts).",
        "Batches",
        "Gradient accumulation",
    ),
    Question(
        "Where does RMSNorm put ε, and what is eps=None?",
        "Inside the root; None is the machine epsilon of the dtype. Some libraries put it outside.",
        "Conventions",
        "RMSNorm: ε inside",
    ),
    Question(
        "Which ε do torch and Keras use?",
        f"1e-5 and 1e-3 (RMSNorm: None and 1e-6); ε is a {INPUT_WORD} cell on Inputs.",
        "Conventions",
        "Defaults",
    ),
    Question(
        "Why not compute the variance as E[x²] − E[x]²?",
        "Far from zero nothing is left but rounding, in float32 from an offset of 10,000 on.",
        "Numerics",
        "offset",
    ),
    Question(
        "What becomes of a constant channel?",
        "x̂ is 0 instead of 0/0, because ε is added; y is β. normviz refuses ε = 0 in training.",
        "Numerics",
        "What ε does",
        "normviz.batch_norm(np.ones((4, 3)), training=True, eps=0.0)",
        "eps must be positive",
    ),
    Question(
        "Is num_groups the number of groups or their size?",
        "The number; it must divide the channels, and the refusal lists what does.",
        "Conventions",
        "Number of groups",
        "normviz.group_norm(np.ones((2, 6, 2)), 4)",
        "use one of 1, 2, 3, 6",
    ),
    Question(
        "Why has InstanceNorm no parameters, and why does eval() not change it?",
        "torch's defaults are affine=False and track_running_stats=False.",
        "Conventions",
        "Defaults",
    ),
    Question(
        "How is the backward pass derived, dμ for one?",
        "Arrow by arrow on four numbers; on the sheet of each norm as a chain of small steps, and "
        "once more in closed form, with a difference that is 0 but for rounding.",
        "Four numbers",
        "dμ",
    ),
    Question(
        "Why does dx add up to 0 over a set?",
        "Add a number to all x of a set: the mean takes it away, y and the loss stay, so the slope "
        "in that direction, which is the sum of dx, is 0. Not with RMSNorm, which takes no mean.",
        "Four numbers",
        DX_SUM,
    ),
    Question(
        "Which elements share a mean and a variance?",
        "Cells of one color. That is what tells the norms apart; a drop-down repaints them.",
        "Playground",
        "Norm",
    ),
    Question(
        "Does the file read right where nothing is recalculated?",
        "Yes: a formula carries its value, which NumPy computed; the steps are held to torch.",
        "Checks",
        "Every live step",
    ),
    Question(
        "Will it open in Excel, LibreOffice and Google Sheets?",
        "It uses functions that mean the same in all of them; three programs recalculate it in the "
        "tests. Where yours gave another number, a check would fail: see the result.",
        "Checks",
        "Result",
    ),
    Question(
        "Does a convolution before BatchNorm need a bias?",
        "No: its gradient is 0, the mean takes it away, β takes its place.",
        "Batches",
        "A bias before",
    ),
    Question(
        "What does weight decay do to weights before BatchNorm?",
        "Their length does not change the function, only the step size; so decay changes the "
        "learning rate.",
        "Batches",
        "A · ∂L/∂A",
    ),
    Question(
        "Why does the choice of norm change the next layer's statistics?",
        "ReLU cuts at zero, so what is left depends on how the norm placed each channel.",
        "Layer to layer",
        "Layer N+1: its own",
    ),
)


def build(book: Book) -> None:
    """The sheet: every question with its answer and a link to where it is seen live."""
    sheet = Sheet(
        book,
        TITLE,
        "Questions people ask, and where the answer can be seen",
        "Most are from issue trackers and forums. Click the sheet's name: there it can be seen.",
        texts(5, 44, 68, 19),
    )
    rows = [
        (
            number,
            item.question,
            item.answer,
            Entry(item.sheet, link=Link(item.sheet, name=item.lands)),
        )
        for number, item in enumerate(QUESTIONS, start=1)
    ]
    looks = (BODY_CENTER, BODY.but(bold=True), BODY, LINK.but(edge=LINE, indent=1))
    sheet.draw(Listing(rows, ("", "question", "answer", "see"), looks))


def markdown(workbook: str = "workbooks/normalization") -> str:
    """The table for a README: each question, its answer, and a picture of the sheet.

    >>> print(markdown().splitlines()[2][:48])
    | Why normalize at all? | Layer upon layer the n
    """
    lines = ["| Question | Answer | Sheet |", "|---|---|---|"]
    for item in QUESTIONS:
        picture = f"{workbook}-{item.sheet.lower().replace(' ', '-')}.png"
        lines.append(f"| {item.question} | {item.answer} | [{item.sheet}]({picture}) |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
