module vrrpsh

go 1.26
