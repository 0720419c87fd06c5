// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
)

// upload is a multipart body with one file, which is streamed.
type upload struct {
	field, name string
	content     io.ReaderAt
	size        int64
}

// attachFile sets the body of a request.
func (u *upload) attachFile(req *http.Request) error {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, u.field, u.name)},
		"Content-Type":        {"application/zip"},
	})
	head := form.Len()
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	before := form.Bytes()[:head]
	after := form.Bytes()[head:]
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.ContentLength = int64(form.Len()) + u.size
	content := io.NewSectionReader(u.content, 0, u.size)
	req.Body = io.NopCloser(io.MultiReader(bytes.NewReader(before), content, bytes.NewReader(after)))
	return nil
}
