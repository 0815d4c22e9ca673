// A model's server as one program: it says what was asked of it and what it was started with.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"strings"
)

func main() {
	http.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		answer.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(answer, "%s %s %d", request.Method, request.URL.Path, len(body))
	})
	http.HandleFunc("/environ", func(answer http.ResponseWriter, request *http.Request) {
		environ := os.Environ()
		sort.Strings(environ)
		answer.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(answer, strings.Join(environ, "\n"))
	})
	http.HandleFunc("/gb18030", func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Content-Type", "text/plain; charset=gb18030")
		answer.Write([]byte{0xc4, 0xe3, 0xba, 0xc3})
	})
	log.Fatal(http.ListenAndServe(":5000", nil))
}
