"""Why a document cannot be rewritten."""


class BrokenError(Exception):
    """It is not read, or cannot be changed as it is written. The text is for people and holds no value."""

    def __init__(self, words: str, position: int = 0) -> None:
        super().__init__(words)
        self.words = words
        self.position = position  # offset in the text
