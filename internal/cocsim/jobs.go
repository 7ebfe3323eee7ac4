package cocsim

import (
	"embed"
	"io/fs"
	"slices"
	"time"
)

// jobFiles has jobs/<name>/NNN.yaml, the versions of each job oldest first.
//
//go:embed jobs
var jobFiles embed.FS

// job is a shipped job without its contents.
type job struct {
	name, description, risk, creator, modifier string
	// days are the ages of its versions, oldest first.
	days []float64
}

func shippedJobs() []job {
	return []job{
		{"renew-certificate", "Certificates of the public gateways", "HIGH", "COC-sophie.mercier", "COC-jonas.weber",
			[]float64{212.4, 211.9, 151.2, 88.6, 27.3}},
		{"clean-up-old-images", "", "LOW", "COC-zhang.min", "COC-zhang.min",
			[]float64{203.1, 160.7, 44.2}},
		{"snapshot-before-release", "Run before every release", "LOW", "COC-chen.yu", "COC-li.wei",
			[]float64{181.5, 139.8, 70.4, 12.6}},
		{"rotate-database-password", "Quarterly, or when someone leaves", "HIGH", "COC-li.wei", "COC-anita.rao",
			[]float64{167.3, 166.9, 121.4, 62.0, 9.8}},
		{"restart-unhealthy-nodes", "First aid for the shop's web tier", "MEDIUM", "COC-chen.yu", "COC-chen.yu",
			[]float64{154.6, 153.5, 117.2, 76.1, 31.7, 4.4}},
		{"drain-and-patch-ecs", "Monthly patching, one node at a time", "MEDIUM", "COC-marc.tan", "COC-li.wei",
			[]float64{131.2, 130.8, 101.6, 101.5, 73.3, 54.9, 23.8, 2.1}},
		{"expand-data-disk", "扩容数据盘", "MEDIUM", "COC-zhang.min", "COC-marc.tan",
			[]float64{96.5, 95.7, 18.2}},
	}
}

// Jobs returns the shipped jobs with histories of the months before now.
func Jobs(now time.Time) []Document {
	var docs []Document
	for _, j := range shippedJobs() {
		d := Document{
			Name: j.name, Description: j.description, RiskLevel: j.risk,
			Creator: j.creator, Modifier: j.modifier,
		}
		for i, content := range jobVersions(j.name) {
			age := time.Duration(j.days[min(i, len(j.days)-1)] * 24 * float64(time.Hour))
			d.Versions = append(d.Versions, Version{
				Content: content, CreatedAt: now.Add(-age).Truncate(time.Millisecond),
			})
		}
		docs = append(docs, d)
	}
	return docs
}

// jobVersions returns the contents of a shipped job. Embedded files can always be
// read; a test checks that every job has as many as it has ages.
func jobVersions(name string) []string {
	paths, err := fs.Glob(jobFiles, "jobs/"+name+"/*.yaml")
	if err != nil {
		return nil
	}
	slices.Sort(paths)
	contents := make([]string, 0, len(paths))
	for _, path := range paths {
		contents = append(contents, embedded(jobFiles, path))
	}
	return contents
}

func embedded(files embed.FS, path string) string {
	b, err := files.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}
