"""Environment check."""


def check_environment() -> None:
    """Check the environment."""
