"""The models at hand during a reading: each a thin face of a network of the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_agent.models.runtime.runtime import Runtime

if TYPE_CHECKING:
    from cxr_agent.models.anatomy import AnatomyModel
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
