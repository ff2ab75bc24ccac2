//go:build tools

// Pins the temporal command line, which brings the development server and the UI.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
