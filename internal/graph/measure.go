package graph

// Widths of a character as parts of the font's size. A viewer's system font is not
// known; these are those of wide ones.
const (
	regular = 0.62
	strong  = 0.68
)

// width of a text, in pixels, generously.
func width(text string, size int, perSize float64) int {
	return int(float64(len([]rune(text)))*float64(size)*perSize) + 1
}

// clip shortens a text that does not fit.
func clip(text string, room, size int, perSize float64) string {
	runes := []rune(text)
	for n := len(runes); n > 0; n-- {
		short := string(runes[:n])
		if n < len(runes) {
			short += "…"
		}
		if width(short, size, perSize) <= room {
			return short
		}
	}
	return ""
}
