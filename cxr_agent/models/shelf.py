"""The models at hand during a reading: each a thin face of a network of the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_agent.errors import ModelError
from cxr_agent.models import catalogue
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.store import load_card

if TYPE_CHECKING:
    from cxr_agent.models.anatomy import AnatomyModel
    from cxr_agent.models.cxas import CxasOutlines
    from cxr_agent.models.embedding import EmbeddingModel
    from cxr_agent.models.findings import FindingsModel
    from cxr_agent.models.view import ViewModel


class Shelf:
    """Hands out models; safe to share between threads.

    Parameters
    ----------
    runtime
        Loads and runs the networks; the one that this process shares where none is given.
    """

    def __init__(self, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or Runtime.shared()

    def anatomy(self) -> AnatomyModel:
        """The embedded anatomy segmentation; its weights are loaded when it first segments.

        Raises
        ------
        ModelError
            When its card is missing or damaged.
        """
        from cxr_agent.models.anatomy import AnatomyModel

        return AnatomyModel(self.runtime.network("anatomy"))

    def view(self) -> ViewModel:
        """The embedded view model; as :meth:`anatomy`."""
        from cxr_agent.models.view import ViewModel

        return ViewModel(self.runtime.network("view"))

    def findings(self) -> FindingsModel:
        """The embedded findings classifier; as :meth:`anatomy`."""
        from cxr_agent.models.findings import FindingsModel

        return FindingsModel(self.runtime.network("findings"))

    def embedding(self) -> EmbeddingModel:
        """The embedded image embedding; as :meth:`anatomy`."""
        from cxr_agent.models.embedding import EmbeddingModel

        return EmbeddingModel(self.runtime.network("embedding"))

    def cxas(self) -> CxasOutlines:
        """CXAS, which was pulled; its weights are loaded when it first outlines, then kept."""
        from cxr_agent.models.cxas import CxasOutlines

        return CxasOutlines(self.runtime)

    def weights_sha256(self, model: str) -> str | None:
        """Hash of the file of weights that runs here, as stated by the card or at the pull.

        Parameters
        ----------
        model
            Of an embedded or a pulled model. None where it is neither, or where it is several
            files.
        """
        try:
            if model not in catalogue.upgrades():
                return self.runtime.weights_sha256(load_card(model))
            found = catalogue.installed(model)
        except ModelError:
            return None  # who runs the model says that it cannot be loaded
        return found.files[0].sha256 if found is not None and len(found.files) == 1 else None
