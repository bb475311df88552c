package explain

import (
	"fmt"
	"strings"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func watching() []Question {
	return []Question{
		{Name: "monitoring", Question: "What is monitoring used for, and what watches what?", Group: groupWatching, answer: monitoring},
		{Name: "monitoring-data", Question: "How is the monitoring collecting data?", Group: groupWatching, answer: monitoringData},
		{Name: "requests-per-second", Question: "What to do if you want to monitor your web server's queries per second (QPS)?", Group: groupWatching, answer: requestsPerSecond},
	}
}

func monitoring(v view, a *Answer) {
	a.say("Monitoring is there to know that something is wrong before the users say so, to find out what, and to see in time that something will be too small. It measures from outside (does the site answer, how fast) and from inside (who works, how much, how full).")
	a.say("Here it does more than tell: most watchers act. HAProxy watches every web, application and database server, and sends requests only to those that pass. lb-agent watches HAProxy on each load balancer, and takes the addresses away from one whose HAProxy does not answer. keepalived watches the holder of the addresses. The guard watches MySQL, its disk and the other guards. systemd watches every program, restarts it when it dies, and kills the guard and lb-agent when they hang.")
	a.say("What breaks without it: a dead server would go on getting its share of the requests, and somebody would have to see it and act, at night.")
	a.say("What it does not do: it keeps no history of figures and calls nobody. The figures are there to be fetched (see monitoring-data); a Prometheus that fetches them and raises an alarm is not part of this site and should stand outside it, since a monitor dies with what it stands on. scaleup check and scaleup status look when they are asked to.")
	lb := v.first(spec.LoadBalancer)
	v.setting(a, "HAProxy asks web servers", lb, haproxyConfig, "backend web ", "default-server")
	v.setting(a, "HAProxy asks app servers", lb, haproxyConfig, "backend app ", "default-server")
	v.setting(a, "HAProxy asks the guards", lb, haproxyConfig, "backend mysql_primary", "default-server")
	v.setting(a, "keepalived hears the holder, seconds", lb, keepalivedConfig, "vrrp_instance", "advert_int")
	v.setting(a, "keepalived hears lb-agent", lb, keepalivedConfig, "track_file", "file")
	v.component(a, spec.LoadBalancer, "lb-agent")
	v.component(a, spec.Database, "guard")
	v.checks(a)
	for _, s := range v.t.Servers {
		what, from := "failed units on "+s.Name, s.Name+", systemctl --failed"
		if r := v.of(s.Name); r == nil || r.Errors["failed"] != "" {
			a.miss(what, v.reason(s.Name, "failed"), from)
		} else {
			a.show(what, listed(r.Failed), from)
		}
	}
	a.show("right now", v.Look.Status.Verdict, "all servers, scaleup status")
}

// checks shows what the last health check of every server saw.
func (v view) checks(a *Answer) {
	b := v.balancer(a, "last health checks")
	if b == nil {
		return
	}
	byBackend, order := map[string][]string{}, []string{}
	for _, c := range b.Counters {
		if c.Check == "" {
			continue // it is not asked: it follows another's check, or is an idle slot
		}
		if byBackend[c.Backend] == nil {
			order = append(order, c.Backend)
		}
		byBackend[c.Backend] = append(byBackend[c.Backend], c.Server+" "+c.Check)
	}
	for _, name := range order {
		a.show("last checks of backend "+name, listed(byBackend[name]), v.lb+", HAProxy show stat")
	}
}

func monitoringData(v view, a *Answer) {
	a.say("By pull: a collector asks each program for its figures, as often as it wants, and keeps them. A program that does not answer is itself a finding, which is what a push, where programs send their figures to the collector, cannot tell from one that has nothing to say.")
	a.say("HAProxy counts what passes through it, per frontend, backend and server: requests, bytes, errors, queues, times. It gives them out in Prometheus's format on port %d of each load balancer, to where SSH is allowed from. The guard does the same for its MySQL on port %d of each database server; the firewall lets only the load balancers ask it. Logs are the other half: Nginx writes a JSON object for every request that is not a static file, the others write to the journal, and one request has one name in all of them.", topology.PortMetrics, topology.PortGuard)
	a.say("For this answer, scaleup has asked every server over SSH, side by side: that is a pull, too. The server's own clock is shown to tell how old each sample is.")
	for _, s := range v.t.Servers {
		what, from := "sample of "+s.Name, s.Name+", over SSH"
		r := v.of(s.Name)
		if r == nil {
			a.miss(what, v.silence(s.Name), from)
			continue
		}
		ahead, doubt, _ := v.Look.Offset(s.Name)
		a.show(what, fmt.Sprintf("taken at %s by its clock, which is %s ahead of this computer's (give or take %s); load %.2f, %.1f GiB of memory free",
			r.At.UTC().Format("15:04:05.000"), ms(ahead), ms(doubt), r.Load, float64(r.Memory.Available)/(1<<30)), from)
	}
	for _, s := range v.t.With(spec.LoadBalancer) {
		v.setting(a, "figures of "+s.Name, s.Name, haproxyConfig, "frontend metrics", "bind ")
	}
	v.setting(a, "Nginx logs to", v.first(spec.Web), nginxConfig, "", "access_log ")
}

func requestsPerSecond(v view, a *Answer) {
	a.say("Count requests where all of them pass, and take the difference over time: requests now, minus requests a minute ago, by sixty. Here that is HAProxy on the load balancer that holds the addresses. It counts each request of each frontend and server; haproxy_frontend_http_requests_total of the frontend public_https is the number to graph, as rate(…[1m]) in Prometheus.")
	a.say("The load balancers' counters have to be added up, since the addresses move, and they begin at zero with each new process, which rate() knows. Per web server it is the server's own counter in the backend web. Files that HAProxy answers from its cache are in the frontend's count and not in the web servers': the web servers' rate is lower, and that is right.")
	a.say("A number alone is not monitoring: compare it with what the tier can carry (queues, processor, answer times), and with what is left of the tier when one server is lost.")
	if b := v.balancer(a, "requests per second"); b != nil {
		from := v.lb + ", HAProxy show stat"
		seen := false
		for _, p := range b.Proxies {
			if p.Kind == "frontend" && p.Name == "public_https" {
				seen = true
				a.show("users' requests in the last second", fmt.Sprint(p.Rate), from+", frontend public_https req_rate")
				a.show("users' requests since this HAProxy began", fmt.Sprintf("%d, of these answered with 5xx: %d", p.Total, p.Errors5xx), from+", frontend public_https")
				if b.Uptime > 0 {
					a.show("mean since then", fmt.Sprintf("%.1f per second over %d s", float64(p.Total)/float64(b.Uptime), b.Uptime), from)
				}
			}
		}
		if !seen {
			a.miss("users' requests in the last second", "HAProxy tells of no frontend public_https", from)
		}
		for _, backend := range []string{"web", "app"} {
			_, servers := shares(b, backend)
			var rates []string
			for _, c := range servers {
				rates = append(rates, fmt.Sprintf("%s %d", c.Server, c.Rate))
			}
			a.show("requests in the last second, by server of "+backend, listed(rates), from)
		}
	}
	var metrics []string
	for _, s := range v.t.With(spec.LoadBalancer) {
		metrics = append(metrics, fmt.Sprintf("http://%s:%d/metrics", s.Address, topology.PortMetrics))
	}
	a.show("to graph it, fetch", strings.Join(metrics, " "), "the site's shape")
}
