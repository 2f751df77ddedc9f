"""The application: backend and frontend, as two releases side by side."""

from components.app.application import Application, ApplicationArgs, Media
from components.app.configuration import Cache, Configuration, Database
from components.app.release import Release, ReleaseArgs
from components.app.sizing import Scheduling, Sizing

__all__ = [
    "Application",
    "ApplicationArgs",
    "Cache",
    "Configuration",
    "Database",
    "Media",
    "Release",
    "ReleaseArgs",
    "Scheduling",
    "Sizing",
]
