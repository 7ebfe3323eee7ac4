package cocsim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const uploadPath = "/upload/v1/"

// maxUploads bounds the uploads that were started and not completed.
const maxUploads = 1000

// upload is a started upload: announced, perhaps received, not yet shared.
type upload struct {
	name     string
	length   int
	content  []byte
	received bool
}

// uploadURL is the first of three steps: an address for the bytes.
func (s *Slack) uploadURL(r *http.Request, args url.Values) reply {
	length, err := strconv.Atoi(args.Get("length"))
	if err != nil || length < 1 || length > maxBody || args.Get("filename") == "" || len(s.uploads) >= maxUploads {
		return refuse("invalid_arguments")
	}
	id := "F" + strings.ToUpper(digits("file", s.calls["files.getUploadURLExternal"]))[:10]
	s.uploads[id] = &upload{name: args.Get("filename"), length: length}
	return accept(map[string]any{"upload_url": cmp.Or(r.URL.Scheme, "http") + "://" + r.Host + uploadPath + id, "file_id": id})
}

// receive is the second: the bytes themselves.
func (s *Slack) receive(r *http.Request, id string, body []byte) reply {
	u := s.uploads[id]
	if u == nil || r.Method != http.MethodPost {
		return plainText(http.StatusNotFound, "not found")
	}
	if len(body) != u.length {
		return plainText(http.StatusBadRequest, "the length is not the one that was announced")
	}
	u.content, u.received = body, true
	return plainText(http.StatusOK, "OK - "+strconv.Itoa(u.length))
}

// complete is the third: the files appear in a channel or a thread of it.
func (s *Slack) complete(args url.Values) reply {
	var files []struct{ ID, Title string }
	if json.Unmarshal([]byte(args.Get("files")), &files) != nil || len(files) == 0 {
		return refuse("invalid_arguments")
	}
	channel := args.Get("channel_id")
	if code := s.channel(channel); code != "" {
		return refuse(code)
	}
	if code := s.thread(channel, args.Get("thread_ts")); code != "" {
		return refuse(code)
	}
	for _, f := range files {
		if u := s.uploads[f.ID]; u == nil || !u.received {
			return refuse("file_not_found")
		}
	}
	shared := make([]map[string]string, 0, len(files))
	for _, f := range files {
		u := s.uploads[f.ID]
		if u == nil {
			continue // named twice
		}
		delete(s.uploads, f.ID)
		s.files = append(s.files, File{
			ID: f.ID, Name: u.name, Title: f.Title, Content: u.content, Channel: channel,
			ThreadTS: args.Get("thread_ts"), At: s.now(),
		})
		shared = append(shared, map[string]string{"id": f.ID, "title": f.Title})
	}
	return accept(map[string]any{"files": shared})
}
