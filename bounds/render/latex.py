"""A table in LaTeX with booktabs and siunitx, as a float with a caption and a label; braces, escapes and math are our
own.
"""

from bounds.entry import Side
from bounds.render.cells import numeral_of, tag_mark
from bounds.table import Cell, Formula, Missing, Number, Table, Text

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)
_RELATIONS = {Side.UPPER: r"\le ", Side.LOWER: r"\ge ", Side.EXACT: ""}


def latex(table: Table, digits: int) -> str:
    """A ``table`` float; the preamble needs ``\\usepackage{amsmath,booktabs,siunitx}``."""
    columns = "l" * len(table.header)
    notes = "".join(f" Assumed: {escaped(assumption)}." for assumption in table.assumptions)
    lines = [
        r"% needs \usepackage{amsmath,booktabs,siunitx}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(table.caption)}{notes}}}",
        rf"  \label{{tab:{table.name}}}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        f"    {' & '.join(escaped(name) for name in table.header)} \\\\",
        r"    \midrule",
        *(f"    {' & '.join(_cell(cell, digits) for cell in row)} \\\\" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Words with every character that LaTeX would read as a command made harmless."""
    return text.translate(_SPECIAL)


def _cell(cell: Cell, digits: int) -> str:
    match cell:
        case Text(words):
            return escaped(words)
        case Formula(entry):
            return f"${entry.latex()}$ {tag_mark(entry)}"
        case Number(entry, _):
            shown = numeral_of(cell, digits)
            dots = r"\ldots" if entry.side is Side.EXACT and shown.cut else ""
            return f"${_RELATIONS[entry.side]}\\num{{{shown}}}{dots}$ {tag_mark(entry)}"
        case Missing(_):
            return "--"
