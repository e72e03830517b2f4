"""The closed vocabulary that phrases are found with; the words of image prompts, by their role.

Written by hand for prompts in English: no tagger is downloaded, and the same prompt is read the
same way on every machine. A word that stands in no set is taken for a noun or an adjective.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES = _words("a an the")
DETERMINERS = ARTICLES | _words(
    "this these those some his her its their my your our another each every several many few "
    "multiple various both all numerous assorted countless couple"
)

COUNTS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "dozen": 12,
    **{str(number): number for number in range(1, 13)},
}  # fmt: skip
COUNTED = ("one", "two", "three", "four", "five", "six")
"""Counts that are contrasted; nobody has shown a CLIP that counts further."""

COLOURS = {
    "red": "red", "crimson": "red", "scarlet": "red", "ruby": "red", "maroon": "red",
    "burgundy": "red", "orange": "orange", "amber": "orange", "peach": "orange",
    "yellow": "yellow", "golden": "yellow", "gold": "yellow", "mustard": "yellow",
    "green": "green", "emerald": "green", "olive": "green", "lime": "green", "mint": "green",
    "teal": "blue", "turquoise": "blue", "cyan": "blue", "blue": "blue", "azure": "blue",
    "navy": "blue", "indigo": "blue", "sapphire": "blue", "purple": "purple", "violet": "purple",
    "lavender": "purple", "magenta": "pink", "lilac": "purple", "pink": "pink", "fuchsia": "pink",
    "brown": "brown", "tan": "brown", "beige": "brown", "bronze": "brown", "copper": "brown",
    "chocolate": "brown", "white": "white", "ivory": "white", "cream": "white", "black": "black",
    "gray": "grey", "grey": "grey", "silver": "grey", "charcoal": "grey",
}  # fmt: skip
"""Colour words and the basic colour each belongs to (Berlin and Kay's eleven)."""

ADJECTIVES = _words(
    "big small large little tiny huge giant enormous tall short long wide narrow thick thin old "
    "new young ancient modern vintage antique rustic round square rectangular circular triangular "
    "oval oblong cubic spherical conical cylindrical pyramidal diamond-shaped heart-shaped wooden "
    "metal metallic plastic leather fabric glass rubber stone fluffy furry fuzzy soft hard smooth "
    "rough shiny glossy matte rusty dusty dirty clean polished sleek elegant beautiful pretty cute "
    "lovely handsome ugly happy sad angry smiling bright dark light pale vivid vibrant colorful "
    "colourful deep rich warm cold cool hot wet dry empty full open closed broken cracked striped "
    "spotted checkered plaid transparent translucent fresh ripe frozen juicy tasty delicious "
    "single lone majestic magical mysterious futuristic cozy quaint busy quiet calm stormy sunny "
    "cloudy snowy rainy foggy misty sandy rocky grassy lush barren distant nearby other same "
    "different simple ornate intricate delicate sturdy fierce gentle plump slender muscular curly "
    "straight wavy silky plush velvet velvety woven knitted painted stylish traditional "
    "plain bare stark"
)

MEDIA = _words(
    "photo photograph photography picture image portrait close-up closeup selfie snapshot drawing "
    "painting illustration sketch render rendering artwork art depiction scene view shot poster "
    "cartoon digital logo mosaic collage watercolor watercolour engraving print comic anime flyer"
)
"""Kinds of picture: "a painting of a dog" is about a dog; "a painting on the wall" is an object."""
ALWAYS_MEDIA = _words(
    "photo photograph photography picture image portrait close-up closeup snapshot shot depiction "
    "scene view render rendering artwork art"
)

STYLE = MEDIA | _words(
    "8k 4k 16k 2k hd uhd hdr hq raw dslr 35mm 50mm 85mm f1.8 iso masterpiece detailed detail "
    "details quality resolution high-quality high-resolution high-res highres ultra-detailed "
    "hyperdetailed realistic photorealistic hyperrealistic hyperreal realism surreal surrealism "
    "cinematic dramatic volumetric ambient studio lighting lights bokeh focus sharp depth field "
    "trending artstation deviantart octane unreal engine raytracing ray tracing award-winning "
    "winning award stunning epic professional style aesthetic minimalist minimalistic minimalism "
    "flat vector isometric low-poly pixel pixelated stock 3d 2d oil canvas acrylic ink pencil "
    "crayon charcoal pastel lineart line cubism cubist impressionism impressionist expressionism "
    "abstract baroque renaissance pop retro vaporwave cyberpunk steampunk concept best high ultra "
    "very highly extremely super hyper top intricate beautiful soft natural macro wide-angle "
    "angle fisheye telephoto lens panorama panoramic perspective eye-level top-down bird's-eye "
    "monochrome grayscale black-and-white composition contrast saturated vibrant color colors "
    "colour colours tone tones mood photo-realistic photorealism lifelike light shadows"
)
"""Words that ask for a manner, not for a thing; a fragment of nothing else is style."""

CONTAINERS = _words(
    "cup glass mug bowl plate bottle jar can box basket bag slice piece loaf pile stack heap bunch "
    "bouquet group row herd flock pack crowd pair set bucket pot vase tray carton barrel field "
    "patch cluster school swarm collection pint scoop bed statue sculpture"
)
"""Nouns whose "of …" belongs to them: a cup of coffee, a flock of birds."""

PREPOSITIONS = _words(
    "of in on at by with from into onto to through across along around about against among "
    "between during for like near off past towards toward up upon via within amid amidst beside "
    "besides beyond despite down than per as out throughout alongside atop featuring showing "
    "depicting"
)
CONJUNCTIONS = _words("and or but while where when whereas because so if then nor plus & +")
PRONOUNS = _words(
    "it he she they them him itself himself herself themselves who which what whose there here "
    "i you we us me someone something nothing everything anyone one's that"
)
AUXILIARIES = _words(
    "is are was were be been being am do does did has have had can could will would should may "
    "might must isn't aren't doesn't don't it's that's there's"
)
NEGATIONS = _words("no without not never lacking minus excluding nor neither isn't aren't doesn't")
ADVERBS = _words(
    "very quite rather just only also too almost nearly still again away together apart below "
    "upside next such more most less least even once always often well far high low back forward "
    "upwards downwards sideways overhead around"
)
NOT_ADVERBS = _words(
    "butterfly family lily jelly belly fly assembly italy bully early lovely friendly curly silly "
    "ugly holly trolley woolly hilly burly lonely dragonfly firefly anomaly"
)

VERBS = _words(
    "sits sit sat stands stand stood lies lie lay rests rest holds hold held wears wear worn runs "
    "run ran walks walk flies flew looks look reads says say shows show plays play eats eat ate "
    "drinks drink casts cast stretches stretch soars soar contrasts contrast reflects reflect "
    "features feature exudes hangs hang hung floats float glows glow shines shine hovers hover "
    "leans lean rides ride rode drives drive swims swim jumps jump sleeps sleep slept watches "
    "watch smiles smile gazes gaze faces adds add creates create gives give made makes make takes "
    "take serves serve complements complement seen built shown drawn written thrown grown lit set "
    "cut kept taken generate depict depicts paint draw imagine contains contain covers cover "
    "surrounds surround fills fill peeks peek grows grow pulls push pushes pull chases chase bites "
    "carries carry lands climbs climb crosses cross dances dance sings sing reaches emerges "
    "appears seems remains becomes sets meet heard hear goes "
    "comes moves turns falls lets gets uses used using "
    "blows burns captures catches dominates drapes extends flows frames glides glistens grazes "
    "highlights illuminates includes invites lines meets occupies overlooks radiates rises sails "
    "sprawls stare stares supports sways towers uses wait waits want wants went writes"
)
"""Finite verbs of prompts; directly after a determiner, count or adjective they are nouns."""

ING_NOUNS = _words(
    "building painting wing ring king string ceiling clothing evening morning spring wedding "
    "pudding earring lightning swing awning sling viking duckling dumpling railing sibling being "
    "thing something anything everything nothing drawing sing bling crossing parking icing "
    "frosting stuffing engraving seasoning lighting saying dressing herring gosling cutting "
    "puddling stocking stockings buildings wings rings kings strings paintings"
)
ED_WORDS = _words("bed shed red sled seed weed reed need speed feed breed bobsled steed hundred")

STYLE_HEADS = _words(
    "style perspective lighting quality resolution composition tones aesthetic detail details "
    "color colors colour colours design mood sense palette rendering"
)
"""Last words of what is a manner whatever stands before: "simplistic style"."""
UNSEEN = _words(
    "center centre middle side sides front back top bottom corner edge background foreground view "
    "air day time way surface words word text letters saying title caption angle angles distance "
    "backdrop position row pose other others kind type part parts end contrast"
)
"""Nouns that are no thing in a picture: their colour is judged, their presence is not."""

LONE = (
    "orange",
    "glass",
    "square",
    "chocolate",
    "rubber",
    "stone",
    "leather",
    "violet",
    "light",
    "metal",
    "plastic",
    "round",
    "gold",
    "silver",
    "copper",
    "bronze",
    "cream",
    "peach",
    "plain",
)
"""Qualities that are things when nothing follows them."""
OF = ("left of", "right of", "above", "below", "on top of", "under", "in front of", "behind",
      "inside", "outside")  # fmt: skip
PLACES = {
    **{f"{start}left{side} of": "left of" for start in ("to the ", "on the ", "at the ", "")
       for side in ("", " side", " hand side")},
    **{f"{start}right{side} of": "right of" for start in ("to the ", "on the ", "at the ", "")
       for side in ("", " side", " hand side")},
    "above": "above", "over": "above", "below": "below", "beneath": "below", "on top of":
    "on top of", "on the top of": "on top of", "atop": "on top of", "under": "under",
    "underneath": "under", "on the bottom of": "below", "in front of": "in front of",
    "behind": "behind", "hidden by": "behind", "inside": "inside", "inside of": "inside",
    "outside": "outside", "outside of": "outside",
    "on the left": "on the left", "at the left": "on the left", "on the left side": "on the left",
    "on the right": "on the right", "at the right": "on the right",
    "on the right side": "on the right",
    "at the top": "at the top", "on the top": "at the top", "at the bottom": "at the bottom",
    "on the bottom": "at the bottom", "in the background": "in the background",
    "in the foreground": "in the foreground",
}  # fmt: skip
"""Ways to say a place, and the one way each is judged under."""
ROWS = ("from left to right", "from right to left", "from top to bottom", "side by side")
"""Ways to say an order of several things; not judged."""
LONGEST_PLACE = max(len(place.split()) for place in (*PLACES, *ROWS))
GROUNDS = ("on", "against")
"""Words before a lone colour that is the ground: "a logo on black"."""
