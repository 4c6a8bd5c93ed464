package shell

import (
	"slices"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// draft is a session's candidate while it is edited.
type draft struct {
	base *conf.Revision
	file *conf.File
	// families are those of file.VRouters: a virtual router without addresses does not tell.
	families []vrrp.Family
	// differs caches whether file differs from base.
	differs, known bool
}

func newDraft(c *conf.Candidate) *draft {
	d := &draft{base: c.Base, file: c.File}
	d.replace(c.File)
	return d
}

// replace makes file the candidate.
func (d *draft) replace(file *conf.File) {
	d.file = file
	d.families = make([]vrrp.Family, len(file.VRouters))
	for i := range file.VRouters {
		d.families[i] = familyOf(&file.VRouters[i])
	}
	d.touch()
}

// touch tells that the file was changed.
func (d *draft) touch() { d.known = false }

// changed tells whether the candidate differs from what it was made from.
func (d *draft) changed() bool {
	if !d.known {
		d.differs, d.known = !d.file.Equal(d.base.File), true
	}
	return d.differs
}

// familyOf returns the family that the addresses tell, IPv4 without any.
func familyOf(v *conf.VRouter) vrrp.Family {
	for _, s := range vips(v) {
		if a, ok := parseVIP(s); ok {
			return vrrp.FamilyOf(a)
		}
	}
	return vrrp.IPv4
}

// keyOf identifies a virtual router of a file.
func keyOf(v *conf.VRouter, family vrrp.Family) engine.Key {
	k := engine.Key{Family: family}
	if v.Interface != nil {
		k.Interface = *v.Interface
	}
	if v.Group != nil && *v.Group >= 0 && *v.Group <= vrrp.VRIDMax {
		k.VRID = uint8(*v.Group)
	}
	return k
}

// find returns the index of a virtual router, -1 if there is none.
func (d *draft) find(k engine.Key) int {
	for i := range d.file.VRouters {
		if keyOf(&d.file.VRouters[i], d.families[i]) == k {
			return i
		}
	}
	return -1
}

// ensure returns the virtual router, which it adds when there is none.
func (d *draft) ensure(k engine.Key) *conf.VRouter {
	i := d.find(k)
	if i < 0 {
		group, name := int(k.VRID), k.Interface
		d.file.VRouters = append(d.file.VRouters, conf.VRouter{Group: &group, Interface: &name})
		d.families = append(d.families, k.Family)
		d.touch()
		i = len(d.file.VRouters) - 1
	}
	return &d.file.VRouters[i]
}

// remove deletes the virtual routers that match accepts and returns how many there were.
func (d *draft) remove(match func(engine.Key) bool) int {
	routers, families := d.file.VRouters[:0:0], d.families[:0:0]
	for i, v := range d.file.VRouters {
		if !match(keyOf(&v, d.families[i])) {
			routers, families = append(routers, v), append(families, d.families[i])
		}
	}
	n := len(d.file.VRouters) - len(routers)
	if n > 0 {
		d.file.VRouters, d.families = routers, families
		if len(routers) == 0 {
			d.file.VRouters = nil
		}
		d.touch()
	}
	return n
}

// candidate returns a candidate to hand to the manager.
func (d *draft) candidate() *conf.Candidate { return &conf.Candidate{Base: d.base, File: d.file} }

// keys returns the virtual routers in the order of the file.
func (d *draft) keys() []engine.Key {
	keys := make([]engine.Key, len(d.file.VRouters))
	for i := range d.file.VRouters {
		keys[i] = keyOf(&d.file.VRouters[i], d.families[i])
	}
	return keys
}

// fileDraft wraps a file that is only shown.
func fileDraft(file *conf.File) *draft {
	d := &draft{}
	d.replace(file)
	return d
}

// interfaces returns the configured interfaces.
func (d *draft) interfaces() []string {
	var names []string
	for i := range d.file.VRouters {
		if n := d.file.VRouters[i].Interface; n != nil {
			names = append(names, *n)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
