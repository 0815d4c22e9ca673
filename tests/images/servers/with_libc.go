//go:build cgo

// Makes the program need the C library and its loader.
package main

import "C"
