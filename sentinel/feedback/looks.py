"""What the judges of colour, faces, style and pixels find in, remarks out."""

from __future__ import annotations

import re

from sentinel.feedback.colours import named
from sentinel.feedback.remarks import Case, Remark, unwanted
from sentinel.feedback.sizes import more_steps, neighbour

FACES = {
    "eyes": "The eyes are clear, open and alike.",
    "mouth": "The mouth is natural and well drawn.",
    "blurred": "The face is in sharp focus.",
    "too_small": "The face is large in the frame.",
    "asymmetric": "Both halves of the face match.",
}
FORMED = "The face is large, sharp and well formed."
CLOSE = "close-up portrait"

ASKED = re.compile(r"at (least|most) (\d{1,3}) asked for")
"""How the face gate says how many faces a policy wants."""

OPPOSITES = {
    "is lighter": "darker tones", "is darker": "lighter tones",
    "and lighter": "darker tones", "and darker": "lighter tones",
    "less colourful": "vivid colours", "more colourful": "muted colours",
    "edges are harder": "soft edges", "edges are softer": "crisp, hard edges",
    "texture is smoother": "more texture and detail",
    "texture is busier": "smooth, calm surfaces",
}  # fmt: skip
"""What the style judge says of the picture beside its reference, and what to ask for instead."""

CLEAR = {
    "blur": "In sharp focus.",
    "smear": "Fine, crisp detail.",
    "melted": "Every thing has a clear outline.",
    "noise": "Clean, smooth surfaces.",
    "banding": "Smooth, even gradients.",
    "clipping": "Balanced exposure with detail in light and shadow.",
    "cast": "Neutral, natural light.",
    "repetition": "Every part of the picture is different.",
    "deformed_hand": "Natural hands with five fingers.",
    "deformed_face": "A natural face.",
    "deformed_body": "A natural body with natural proportions.",
}
"""What to ask for, since a prompt that names a fault invites it. Grids (blocking, checkerboard,
seams), glitches and watermarks have no such words: there only steps and size can help."""

FAULTS = {
    "blur": "blurry", "smear": "smeared, waxy", "melted": "melted shapes", "noise": "noise, grain",
    "banding": "colour banding", "clipping": "overexposed, underexposed", "cast": "colour cast",
    "repetition": "repeated pattern", "blocking": "jpeg artifacts", "checkerboard": "grid pattern",
    "seam": "seams", "glitch": "glitches", "watermark": "watermark",
    "deformed_hand": "extra fingers, fused fingers", "deformed_face": "distorted face",
    "deformed_body": "extra limbs",
}  # fmt: skip
"""The same for a negative prompt, where faults are named."""


def palette_named(case: Case) -> Remark | None:
    """The palette by name and hex; again: exactly these colours."""
    colours = named(case.asked.palette)
    if not colours:
        return None
    words = "Colours: exactly {}." if case.again else "Palette: {}."
    names = dict.fromkeys(colour.split()[0] for colour in colours)
    return Remark(
        "palette", back=words.format(", ".join(colours)), shorter=words.format(", ".join(names))
    )


def face_formed(case: Case) -> Remark | None:
    """The face large and well formed, or its weak part; again: a close-up, the most steps."""
    kind = case.issue.subcategory
    return Remark(
        f"face:{kind if kind in FACES else 'form'}",
        front=CLOSE if case.again and not _several(case) else "",
        back=FACES.get(kind, FORMED),
        unwanted=unwanted(case, "distorted face"),
        steps=more_steps(case.asked.steps, case.capabilities, most=case.again),
    )


def _several(case: Case) -> bool:
    """Whether the judge speaks of a second face: then a close-up would lose the first."""
    return not case.issue.detail.startswith("face 1:")


def face_alike(case: Case) -> Remark | None:
    """The person of the reference, where the generator takes one; again: a close-up."""
    if "face" not in case.capabilities.references:
        return Remark("likeness", front=CLOSE) if case.again else Remark("likeness", back=FORMED)
    back = "The same person as in the reference picture, the face large and towards the camera."
    return Remark("likeness", front=CLOSE if case.again else "", back=back)


def faces_counted(case: Case) -> Remark | None:
    """As many faces as the policy asks for; again: towards the camera, and nobody else."""
    found = ASKED.search(case.issue.detail)
    number = int(found[2]) if found else 1
    who = "One person" if number == 1 else f"{number} people"
    if case.issue.subcategory == "too_many_faces":
        back = f"Only {who.lower()} in the picture{', and nobody else in sight' * case.again}."
        return Remark("faces", back=back, unwanted=unwanted(case, "crowd, more people"))
    near = " Close by, and turned to the camera." if case.again else ""
    return Remark("faces", back=f"{who}, every face clearly visible.{near}")


def neutral_form(case: Case) -> Remark | None:
    """Fully clothed, for all ages; again: "family-friendly" before the prompt."""
    return Remark(
        "safety",
        front="family-friendly" if case.again else "",
        back="Everyone is fully clothed; suitable for all ages.",
        unwanted=unwanted(case, "nudity, gore"),
    )


def style_nearer(case: Case) -> Remark | None:
    """The opposite of how the picture differs from its style reference; again: "clearly"."""
    detail = case.issue.detail
    wanted = dict.fromkeys(words for told, words in OPPOSITES.items() if told in detail)
    if not wanted:
        return None
    words = ", ".join(wanted)
    back = f"Style: clearly {words}." if case.again else f"Style: {words}."
    return Remark(f"style:{case.issue.subcategory}", back=back)


def cleaner(case: Case) -> Remark | None:
    """What a picture without the fault looks like, and more steps; again: another size besides."""
    kind = case.issue.subcategory
    steps = more_steps(case.asked.steps, case.capabilities, most=case.again)
    back = CLEAR.get(kind, "")
    helpless = not back and steps is None
    return Remark(
        f"artifact:{kind}",
        back=back,
        unwanted=unwanted(case, FAULTS.get(kind, "")),
        steps=steps,
        size=neighbour(case.asked, case.capabilities) if case.again or helpless else None,
    )


def new_seed(case: Case) -> Remark | None:  # noqa: ARG001 - every strategy is asked alike
    """Nothing: no words mend this, and another seed does."""
    return None
