"""An app whose own dependency is missing."""

import no_such_library

no_such_library.run()
