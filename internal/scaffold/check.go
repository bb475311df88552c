package scaffold

import (
	"errors"

	"scaleup/internal/spec"
)

// Check reads the text of a new site file as spec does. The file's name says where
// relative paths start. What the text names and the disk does not have yet comes back
// as missing: it is there to be made, and the file is right without it. Everything
// else that is wrong is an error.
func Check(text []byte, file string) (missing spec.Errors, err error) {
	_, err = spec.Parse(text, file)
	var problems spec.Errors
	if err == nil || !errors.As(err, &problems) {
		return nil, err
	}
	var wrong spec.Errors
	for _, p := range problems {
		if p.Disk {
			missing = append(missing, p)
		} else {
			wrong = append(wrong, p)
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return missing, nil
}
