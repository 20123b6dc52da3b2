"""What a composition decided."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Record:
    """Notes for the user.

    Attributes:
        notes: Sentences on what was decided.
    """

    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Add a note, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)
