// SPDX-License-Identifier: Apache-2.0

package platformtest

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/prismeai/workspaces-release/internal/platform/platformtest/jsvalue"
)

// entry is a file of an archive. The service drops the first element of its path.
type entry struct{ path, data string }

// fileImport is an import of files into one workspace, like the service does it. The caller of its
// methods holds mu.
type fileImport struct {
	p      *Platform
	target *Installed
	// pull deletes files that are not imported, and uses the slug in index.yml.
	pull bool
	// prune deletes such files for archives.
	prune bool
	// v27 is [Options].V27.
	v27 bool

	// failure is the error of the next automation, see [Platform.Fail].
	failure  error
	files    map[string]string // stored, by path
	index    *jsvalue.Value    // before the import
	known    map[string]bool   // paths before the import
	pageIDs  map[string]string // slugs of pages by id, before the import
	imported []string
	errs     []object
	deleted  []string
}

func (p *Platform) newImport(target *Installed, pull, prune bool) *fileImport {
	files := p.content[target.Slug]
	if files == nil {
		files = map[string]string{}
		p.content[target.Slug] = files
	}
	i := &fileImport{p: p, target: target, pull: pull, prune: prune, files: files, index: parseStored(files, "index.yml"),
		v27:   p.opts.V27,
		known: map[string]bool{}, pageIDs: map[string]string{}, imported: []string{}, errs: []object{}}
	for name := range files {
		i.known[name] = true
		if slug, ok := strings.CutPrefix(name, pagesFolder+"/"); ok {
			if id := parseStored(files, name).Get("id"); id != nil {
				i.pageIDs[id.String()] = strings.TrimSuffix(slug, ".yml")
			}
		}
	}
	return i
}

// failNext makes the next automation fail if the workspace is set to fail.
func (i *fileImport) failNext(slug string) {
	if message, broken := i.p.nextFailure(slug); broken {
		i.failure = &exception{class: "RequestValidationError", message: message,
			fields: object{"error": "RequestValidationError", "message": message}}
	}
}

// parseStored returns a stored file, or an empty mapping.
func parseStored(files map[string]string, name string) *jsvalue.Value {
	if v, err := loadYAML(files[name]); err == nil && v != nil {
		return v
	}
	return jsvalue.NewMapping()
}

// rootFiles lists files that a pull never deletes.
func rootFiles() []string { return []string{"index", "security", "runtime", ".import"} }

// importFiles imports the files. The error rejects the whole import; errors of files are in the report.
func (i *fileImport) importFiles(entries []entry) (object, error) {
	streams := i.chooseFiles(entries)
	if len(streams) > maxFiles {
		return nil, newException("PrismeError", "Workspace archive cannot have more than %d files", maxFiles)
	}
	var config, index *entry
	rest := streams[:0:0]
	for at, e := range streams {
		switch e.path {
		case ".import":
			config = &streams[at]
		case "index":
			index = &streams[at]
		default:
			rest = append(rest, e)
		}
	}
	published, err := readConfig(config)
	if err != nil {
		return nil, err
	}
	if index == nil && i.v27 {
		return nil, newException("PrismeError", "Missing index.yml")
	}
	if index != nil && !i.isExcluded("index") {
		if err := i.importIndex(index.data); err != nil {
			return object{"imported": []string{}, "errors": []object{i.newProblem("index", err)}}, nil
		}
		i.imported = append(i.imported, "index")
	}
	for _, e := range rest {
		i.importFile(e)
	}
	if err := i.removeOthers(); err != nil {
		return nil, err
	}
	if err := i.publishIfConfigured(published); err != nil {
		i.errs = append(i.errs, object{"msg": "Could not publish app", "err": asException(err).encodeObject()})
	}
	i.target.PulledAt = time.Now()
	return i.buildReport(), nil
}

// maxFiles is the maximum number of files of an archive.
const maxFiles = 5000

// chooseFiles returns the files that the service reads, with internal names for index.yml and
// .import.yml. The last of several files with one name counts.
func (i *fileImport) chooseFiles(entries []entry) []entry {
	var chosen []entry
	at := map[string]int{}
	for _, e := range entries {
		_, name, _ := strings.Cut(e.path, "/")
		if !isDSUL(e.path) || i.pull && !i.isPulled(name) {
			continue
		}
		first, _, _ := strings.Cut(name, "/")
		switch baseName(first) {
		case "index":
			e.path = "index"
		case ".import":
			e.path = ".import"
		}
		if n, twice := at[e.path]; twice {
			chosen[n] = e
			continue
		}
		at[e.path] = len(chosen)
		chosen = append(chosen, e)
	}
	return chosen
}

func isDSUL(name string) bool {
	return strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".json")
}

// isPulled reports whether a pull reads a file. It reads the files of the top-level folders, but
// only later versions read nested folders.
func (i *fileImport) isPulled(name string) bool {
	dir, base := path.Dir(name), baseName(path.Base(name))
	folders := []string{pagesFolder, automationsFolder, importsFolder}
	if first, _, nested := strings.Cut(name, "/"); nested && i.v27 && slices.Contains(folders, first) {
		return true
	}
	ends := func(text string) func(string) bool {
		return func(end string) bool { return strings.HasSuffix(text, end) }
	}
	return slices.ContainsFunc(rootFiles(), ends(base)) || slices.ContainsFunc(folders, ends(dir))
}

// importFile imports a file other than index.yml.
func (i *fileImport) importFile(e entry) {
	_, name, _ := strings.Cut(e.path, "/")
	parts := strings.Split(name, "/")
	if len(parts) > 1 && baseName(parts[1]) == folderIndex {
		return
	}
	content, err := loadYAML(e.data)
	applied := false
	if i.failure != nil && parts[0] == automationsFolder {
		err = i.failure
		i.failure = nil
	}
	if err == nil {
		applied, err = i.applyContent(parts, content)
	}
	switch {
	case err != nil:
		i.errs = append(i.errs, i.newProblem(e.path, err))
	case applied:
		i.imported = append(i.imported, name)
	}
}

func (i *fileImport) newProblem(file string, err error) object {
	return object{"msg": "Some error occured while importing a workspace archive", "workspaceId": i.target.ID,
		"filepath": file,
		"err":      asException(err).encodeObject()}
}

// applyContent stores the content of a file; null deletes it. It reports whether the file counts.
func (i *fileImport) applyContent(parts []string, content *jsvalue.Value) (applied bool, err error) {
	folder, slug := baseName(parts[0]), ""
	if len(parts) > 1 {
		slug = baseName(parts[1])
		if slug == folderIndex || slug != "" && strings.HasPrefix(parts[1], ".") {
			return false, nil
		}
	}
	if nested := folder == pagesFolder || i.v27 && folder == automationsFolder; nested && len(parts) > 2 {
		slug = trimNestedExtension(parts[1:])
	}
	if i.isExcluded(strings.TrimSuffix(folder+"/"+slug, "/")) {
		return false, nil
	}
	switch folder {
	case "security":
		return true, i.storeSecurity(content)
	case pagesFolder, automationsFolder, importsFolder:
	default:
		return false, nil
	}
	if content.IsNull() {
		return true, i.removeObject(folder, slug)
	}
	switch folder {
	case pagesFolder:
		return true, i.storePage(slug, content)
	case automationsFolder:
		return true, i.storeAutomation(slug, content)
	}
	return true, i.storeInstance(slug, content)
}

// trimNestedExtension returns a path without the file extension.
func trimNestedExtension(parts []string) string {
	name := strings.Join(parts, "/")
	return strings.TrimSuffix(name, path.Ext(name))
}

// removeObject deletes an object.
func (i *fileImport) removeObject(folder, slug string) error {
	name := objectPath(folder, slug)
	if _, ok := i.files[name]; !ok {
		return newNotStoredError(folder, slug)
	}
	delete(i.files, name)
	return nil
}

// removeOthers deletes the stored objects that were not imported from their path.
func (i *fileImport) removeOthers() error {
	if !i.pull && !i.prune {
		return nil
	}
	i.deleted = []string{}
	var others []string
	for name := range i.files {
		root := slices.ContainsFunc(rootFiles(), func(file string) bool { return strings.HasPrefix(name, file) })
		if !root && !slices.Contains(i.imported, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		applied, err := i.applyContent(strings.Split(name, "/"), nil)
		if err != nil {
			return err
		}
		if applied {
			i.deleted = append(i.deleted, name)
		}
	}
	return nil
}

// buildReport returns the response, which is also most of the event.
func (i *fileImport) buildReport() object {
	report := object{"imported": i.imported, "errors": i.errs, "workspace": i.p.describeWorkspace(i.target)}
	if i.deleted != nil {
		report["deleted"] = i.deleted
	}
	return report
}
