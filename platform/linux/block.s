// This file lets the package have functions whose bodies are in the runtime.
