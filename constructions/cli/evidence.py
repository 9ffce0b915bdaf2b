"""Claims and what their checks found, on a terminal."""

from constructions.theorem import Construction, Evidence, Proved, Refuted, Undecided


def report(construction: Construction) -> bool:
    """Checks every claim, prints a line or two each, and says whether all of them are proved."""
    theorem, sound = construction.theorem, True
    print(f"{theorem.name} ({theorem.source.key}, {theorem.source.place}; {theorem.tag.value}): {theorem.statement}")
    for claim in construction.claims:
        evidence = claim.check()
        sound &= isinstance(evidence, Proved)
        basis = f"{claim.tag.value}, {claim.entry}" if claim.entry else claim.tag.value
        print(f"  {_mark(evidence)}  {claim.name}: {claim.statement} [{basis}]")
        print(f"            {_found(evidence)}", flush=True)
    return sound


def _mark(evidence: Evidence) -> str:
    match evidence:
        case Proved():
            return "proved   "
        case Refuted():
            return "FALSE    "
        case Undecided():
            return "undecided"


def _found(evidence: Evidence) -> str:
    match evidence:
        case Proved(method, found):
            return f"{found}; {method}"
        case Refuted(method, counterexample):
            return f"{counterexample}; {method}"
        case Undecided(reason):
            return reason
