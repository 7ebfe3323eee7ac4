package hint

// Distance is how many letters must be added, removed, replaced or swapped with
// their neighbour to turn one word into the other: how likely one was meant by the
// other. It looks at the first 64 letters.
func Distance(from, to string) int {
	a, b := []rune(from), []rune(to)
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	d, all := make([][]int, len(a)+1), make([]int, (len(a)+1)*(len(b)+1))
	for i := range d {
		d[i] = all[i*(len(b)+1):][:len(b)+1]
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			d[i][j] = min(replace, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
