"""What makes the two small models: the poster world, its checkers, and the training itself.

Nothing here is installed. Run from the repository: `python training/train.py --help`.
"""
