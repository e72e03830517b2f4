"""Fixed prompts and things to compare with: what a picture could have been of instead. Data only.

Decoys are whole prompts about sixteen kinds of subject; a clause of the brief has to beat those
that share no word with it. Objects are things that seldom stand in a scene by chance, so that
one of them outranking the thing asked for means something.
"""

from __future__ import annotations

DECOYS = (
    "a bowl of tomato soup on a kitchen table",
    "a steam locomotive crossing a stone viaduct",
    "an astronaut floating above the earth",
    "a herd of elephants at a waterhole",
    "a snowy mountain range at sunrise",
    "a crowded subway platform at rush hour",
    "a macro photo of a ladybug on a leaf",
    "a medieval knight in shining armour",
    "a bouquet of tulips in a vase",
    "a sailing boat on a stormy sea",
    "a plate of sushi with chopsticks",
    "an old man reading a newspaper on a bench",
    "a modern glass skyscraper against a blue sky",
    "a child flying a kite on the beach",
    "a wizard casting a spell in a dark forest",
    "a vintage car parked in front of a diner",
    "a kitten playing with a ball of yarn",
    "a desert with sand dunes and camels",
    "a football player scoring a goal",
    "a laptop and a cup of coffee on a desk",
    "an underwater coral reef with tropical fish",
    "a violinist on a concert stage",
    "a robot repairing a spaceship",
    "a field of sunflowers under a cloudy sky",
    "a portrait of a young woman with freckles",
    "a gothic cathedral interior with stained glass",
    "a pepperoni pizza in a cardboard box",
    "a map of an imaginary island",
    "a waterfall in a tropical jungle",
    "a group of friends around a campfire",
    "a chess board during a game",
    "a pair of running shoes on a white background",
    "a busy street market in the rain",
    "a polar bear on a drifting ice floe",
    "a library with tall wooden shelves",
    "an abstract pattern of overlapping circles",
    "a blank sheet of paper",
    "random coloured noise without any object",
    "a completely dark picture",
    "a blurred photograph of nothing in particular",
)

OBJECTS = (
    ("giraffe", "animal"), ("penguin", "animal"), ("kangaroo", "animal"), ("octopus", "animal"),
    ("motorcycle", "vehicle"), ("helicopter", "vehicle"), ("tractor", "vehicle"),
    ("submarine", "vehicle"), ("sailboat", "vehicle"), ("pizza", "food"), ("pineapple", "food"),
    ("sandwich", "food"), ("cactus", "plant"), ("piano", "instrument"), ("violin", "instrument"),
    ("trumpet", "instrument"), ("lighthouse", "building"), ("castle", "building"),
    ("windmill", "building"), ("teapot", "household"), ("umbrella", "household"),
    ("typewriter", "tool"), ("microscope", "tool"), ("chainsaw", "tool"), ("skateboard", "toy"),
    ("snowman", "toy"), ("chandelier", "household"), ("anchor", "tool"), ("crown", "clothing"),
    ("sneaker", "clothing"), ("robot", "toy"), ("skeleton", "person"),
)  # fmt: skip

KINDS = {
    "animal": "animal animals creature creatures pet pets mammal wildlife beast bird zoo",
    "vehicle": "vehicle vehicles transport transportation aircraft boat ship ships boats motorbike",
    "food": "food foods meal snack dish fruit fruits lunch dinner breakfast dessert",
    "plant": "plant plants succulent flora vegetation",
    "instrument": "instrument instruments music orchestra band",
    "building": "building buildings architecture structure house tower landmark",
    "household": "object objects utensil kettle pot lamp parasol",
    "tool": "tool tools machine device equipment object objects",
    "toy": "toy toys figure figures object objects machine",
    "clothing": "clothing clothes outfit accessory jewelry shoe shoes hat",
    "person": "person people human figure body bones",
}
"""Words that may mean any object of a kind: after "an animal" no giraffe is held against it."""

SIBLINGS = (
    "dog cat rabbit fox bear wolf horse", "horse cow sheep goat zebra donkey pig elephant",
    "bird chicken duck owl parrot eagle", "car truck bus train bicycle boat airplane",
    "cup bowl vase bottle plate teapot", "chair bench sofa table bed", "man woman child robot",
    "boy girl man woman", "apple orange banana pear lemon", "fork knife spoon toothbrush scissors",
    "laptop phone keyboard television camera", "hat scarf shoe tie handbag backpack suitcase",
    "flower tree cactus mushroom", "lion tiger elephant giraffe monkey",
    "circle square triangle star cross heart", "disc frame grid triangle star cross",
    "house castle tent skyscraper church", "sandwich cake donut pizza carrot broccoli",
)  # fmt: skip
"""Things that are taken for each other: the contrasts closest to what was asked for."""

OPPOSITES = {
    "left of": "right of", "right of": "left of", "above": "below", "below": "above",
    "on top of": "under", "under": "on top of", "in front of": "behind", "behind": "in front of",
    "inside": "outside", "outside": "inside", "on the left": "on the right",
    "on the right": "on the left", "at the top": "at the bottom", "at the bottom": "at the top",
    "in the background": "in the foreground", "in the foreground": "in the background",
}  # fmt: skip

NEIGHBOURS = {
    "red": ("orange", "pink", "brown"), "orange": ("red", "yellow", "brown"),
    "yellow": ("orange", "white", "brown"), "green": ("blue",), "blue": ("green", "purple"),
    "purple": ("blue", "pink"), "pink": ("purple", "red"), "brown": ("orange", "red", "yellow"),
    "white": ("grey", "yellow"), "grey": ("white", "black"), "black": ("grey",),
}  # fmt: skip
"""Colours not held against a shade: amber may be orange or yellow; plain orange may not."""

BASIC = ("red", "blue", "green", "yellow", "black", "white", "purple", "orange", "pink", "brown",
         "grey")  # fmt: skip
"""Colours to contrast with, most frequent first."""
